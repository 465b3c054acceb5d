package rawjson

import "strconv"

// The functions here write JSON by appending. Commas come by themselves: a member or an element that does not follow an
// opening bracket gets one. Names must need no escapes, except Field's.

// Key appends a member's name; the value must follow.
func Key(dst []byte, name string) []byte {
	dst = append(Comma(dst), '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

// Comma appends the comma that an element needs, or none.
func Comma(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' && dst[n-1] != '[' {
		return append(dst, ',')
	}
	return dst
}

// Str appends a member with a string value.
func Str[T string | []byte](dst []byte, name string, s T) []byte {
	return AppendString(Key(dst, name), s)
}

// StrIf appends a member with a string value unless it is empty.
func StrIf(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return Str(dst, name, s)
}

// Num appends a member with a whole number.
func Num(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(Key(dst, name), n, 10)
}

// RawIf appends a member with JSON that is written already, unless it is empty.
func RawIf[T ~string | ~[]byte](dst []byte, name string, raw T) []byte {
	if len(raw) == 0 {
		return dst
	}
	return append(Key(dst, name), raw...)
}

// BoolIf appends a member with a boolean that may be absent.
func BoolIf(dst []byte, name string, b *bool) []byte {
	if b == nil {
		return dst
	}
	return strconv.AppendBool(Key(dst, name), *b)
}

// NumIf appends a member with a whole number that may be absent.
func NumIf(dst []byte, name string, n *int64) []byte {
	if n == nil {
		return dst
	}
	return Num(dst, name, *n)
}

// Field appends a member whose name may hold anything.
func Field(dst []byte, name string, raw []byte) []byte {
	dst = append(AppendString(Comma(dst), name), ':')
	return append(dst, raw...)
}
