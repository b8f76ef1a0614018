package jsontext

import "unicode/utf8"

// AppendString writes a JSON string, without escapes for HTML, as AWS does.
// What is not UTF-8 becomes U+FFFD.
func AppendString[S ~string](b []byte, s S) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0 // of what was looked at and stands as it is
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			i++
			if !stops[c] {
				continue
			}
			b = append(b, s[from:i-1]...)
			from = i
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, `\b`...)
			case '\f':
				b = append(b, `\f`...)
			case '\n':
				b = append(b, `\n`...)
			case '\r':
				b = append(b, `\r`...)
			case '\t':
				b = append(b, `\t`...)
			default:
				b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:]))
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[from:i]...), "\ufffd"...)
			from = i + size
		case r == '\u2028' || r == '\u2029': // JavaScript before 2019 could not read them
			b = append(append(b, s[from:i]...), '\\', 'u', '2', '0', '2', digits[r&15])
			from = i + size
		}
		i += size
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
