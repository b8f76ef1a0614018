package awsquery

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendAnswer appends the document that answers op with out.
func AppendAnswer(b []byte, op Op, out Answer, requestID string) []byte {
	b = append(b, '<')
	b = append(b, op.Action...)
	b = append(b, `Response xmlns="`...)
	b = append(b, op.Service.namespace()...)
	b = append(b, `">`...)
	if _, resultless := out.(interface{ resultless() }); !resultless {
		b = open(b, op.Action+"Result")
		b = out.appendXML(b)
		b = shut(b, op.Action+"Result")
	}
	b = append(b, "<ResponseMetadata>"...)
	b = appendStr(b, "RequestId", requestID)
	b = append(b, "</ResponseMetadata></"...)
	b = append(b, op.Action...)
	return append(b, "Response>"...)
}

// AppendError appends the document that answers a request to s with e.
func AppendError(b []byte, s Service, e *Error, requestID string) []byte {
	b = append(b, `<ErrorResponse xmlns="`...)
	b = append(b, s.namespace()...)
	b = append(b, `"><Error>`...)
	if e.Status >= 500 {
		b = append(b, "<Type>Receiver</Type>"...)
	} else {
		b = append(b, "<Type>Sender</Type>"...)
	}
	b = appendStr(b, "Code", e.Code)
	b = appendStr(b, "Message", e.Message)
	b = append(b, "</Error>"...)
	b = appendStr(b, "RequestId", requestID)
	return append(b, "</ErrorResponse>"...)
}

func open(b []byte, name string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	return append(b, '>')
}

func shut(b []byte, name string) []byte {
	b = append(b, '<', '/')
	b = append(b, name...)
	return append(b, '>')
}

// appendStr appends an element with a text, also an empty one.
func appendStr[T ~string](b []byte, name string, value T) []byte {
	b = open(b, name)
	b = appendText(b, string(value))
	return shut(b, name)
}

// appendStrIf appends an element unless its text is empty.
func appendStrIf[T ~string](b []byte, name string, value T) []byte {
	if value == "" {
		return b
	}
	return appendStr(b, name, value)
}

func appendStrPtr[T ~string](b []byte, name string, value *T) []byte {
	if value == nil {
		return b
	}
	return appendStr(b, name, *value)
}

func appendFlag(b []byte, name string, value bool) []byte {
	b = open(b, name)
	b = strconv.AppendBool(b, value)
	return shut(b, name)
}

func appendFlagPtr(b []byte, name string, value *bool) []byte {
	if value == nil {
		return b
	}
	return appendFlag(b, name, *value)
}

func appendNumber(b []byte, name string, value int) []byte {
	b = open(b, name)
	b = strconv.AppendInt(b, int64(value), 10)
	return shut(b, name)
}

func appendNumberPtr(b []byte, name string, value *int) []byte {
	if value == nil {
		return b
	}
	return appendNumber(b, name, *value)
}

// appendTime appends an instant as AWS writes it, 2019-10-10T12:34:56.789Z;
// nothing if it is zero.
func appendTime(b []byte, name string, value time.Time) []byte {
	if value.IsZero() {
		return b
	}
	b = open(b, name)
	b = value.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	return shut(b, name)
}

// appendStrs appends a list of texts; nothing if it is nil.
func appendStrs[T ~string](b []byte, name string, list []T) []byte {
	if list == nil {
		return b
	}
	b = open(b, name)
	for _, v := range list {
		b = appendStr(b, "member", v)
	}
	return shut(b, name)
}

// appendItems appends a list of structures; nothing if it is nil.
func appendItems[T any, P output[T]](b []byte, name string, list []T) []byte {
	if list == nil {
		return b
	}
	b = open(b, name)
	for i := range list {
		b = append(b, "<member>"...)
		b = P(&list[i]).appendXML(b)
		b = append(b, "</member>"...)
	}
	return shut(b, name)
}

// appendStructure appends a structure; nothing if it is nil.
func appendStructure[T any, P output[T]](b []byte, name string, value *T) []byte {
	if value == nil {
		return b
	}
	b = open(b, name)
	b = P(value).appendXML(b)
	return shut(b, name)
}

// appendText appends s escaped. What XML 1.0 cannot hold, escaped or not,
// becomes U+FFFD: a stack's reason may quote anything a handler said.
func appendText(b []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		width, with := 1, ""
		switch {
		case c == '&':
			with = "&amp;"
		case c == '<':
			with = "&lt;"
		case c == '>':
			with = "&gt;"
		case c == '"':
			with = "&quot;"
		case c == '\r':
			with = "&#xD;" // a bare one would be read as a line feed
		case c < ' ' && c != '\t' && c != '\n':
			with = "\uFFFD"
		case c >= utf8.RuneSelf:
			var r rune
			r, width = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && width == 1 || r == 0xFFFE || r == 0xFFFF {
				with = "\uFFFD"
			}
		}
		if with != "" {
			b = append(b, s[from:i]...)
			b = append(b, with...)
			from = i + width
		}
		i += width
	}
	return append(b, s[from:]...)
}
