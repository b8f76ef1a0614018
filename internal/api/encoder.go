package api

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// The generated encode methods append to dst. Each member begins with its
// comma; closeObject turns the first one into the brace.

// closeObject ends the object that began at start.
func closeObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, '{', '}')
	}
	dst[start] = '{'
	return append(dst, '}')
}

// plain marks the bytes that a JSON string holds as they are.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendText appends s as a JSON string. Bytes that are not UTF-8 become the
// replacement character, so that what is sent is always valid.
func appendText[S ~string](dst []byte, s S) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[i:]))
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, c)
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// appendEscape appends the escape of a byte that is not plain.
func appendEscape(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	case c >= utf8.RuneSelf:
		return append(dst, `\ufffd`...)
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

func appendBoolean(dst []byte, b bool) []byte { return strconv.AppendBool(dst, b) }

func appendInteger[N int | int64](dst []byte, n N) []byte {
	return strconv.AppendInt(dst, int64(n), 10)
}

// appendTimestamp appends t as AWS does: seconds of the epoch with the
// milliseconds it has and always one digit behind the point (1576025036.0,
// 1571337221.555).
func appendTimestamp(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		dst = append(dst, '-')
		ms = -ms
	}
	dst = strconv.AppendInt(dst, ms/1000, 10)
	rest := int(ms % 1000)
	dst = append(dst, '.', byte('0'+rest/100))
	if rest%100 != 0 {
		dst = append(dst, byte('0'+rest/10%10))
	}
	if rest%10 != 0 {
		dst = append(dst, byte('0'+rest%10))
	}
	return dst
}

// AppendInput appends the body of a request for op. In must be a pointer to
// op's input.
func AppendInput(dst []byte, op Op, in any) []byte { return operations[op].appendInput(dst, in) }

// AppendOutput appends the body of the answer out to op. Out must be a pointer
// to op's output, as [Local] answers it.
func AppendOutput(dst []byte, op Op, out any) []byte { return operations[op].appendOutput(dst, out) }

// AppendError appends the body of an answer that is an error. The member is
// spelled Message, as the modeled exceptions spell it: botocore,
// aws-sdk-go-v2 and the SDK for JavaScript read both spellings.
func AppendError(dst []byte, e *Error) []byte {
	dst = appendText(append(dst, `{"__type":`...), e.Code)
	dst = appendText(append(dst, `,"Message":`...), e.Message)
	return append(dst, '}')
}
