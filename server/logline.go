package server

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"time"

	"uniapi/codec/rawjson"
)

// write writes a line as slog would. The line that every request leaves does not
// go through slog itself where it can be helped: its JSON form takes an eighth of
// the time of a plain request. line is scratch space, and returned for the next
// time.
func writeLine(log *slog.Logger, line []byte, level slog.Level, message string, attrs []slog.Attr) []byte {
	u := directly(log, attrs)
	if u == nil {
		log.LogAttrs(context.Background(), level, message, attrs...)
		return line
	}
	line = appendLine(line[:0], time.Now(), level, message, attrs)
	u.lines.Write(line)
	if level >= slog.LevelWarn {
		u.lines.flush()
	}
	return line
}

// directly is the end of a log's handlers, if those before it would leave the
// attributes as they are.
func directly(log *slog.Logger, attrs []slog.Attr) *urgent {
	h := log.Handler()
	if r, is := h.(*redacting); is {
		if r.secrets.Load().inAttrs(attrs) {
			return nil
		}
		h = r.Handler
	}
	if u, is := h.(*urgent); is && u.direct {
		return u
	}
	return nil
}

// appendLine appends a line as slog.JSONHandler writes it.
func appendLine(dst []byte, now time.Time, level slog.Level, message string, attrs []slog.Attr) []byte {
	dst = append(dst, `{"time":"`...)
	dst = now.AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","level":"`...)
	dst = append(dst, level.String()...)
	dst = append(dst, `","msg":`...)
	dst = rawjson.AppendString(dst, message)
	for i := range attrs {
		dst = append(dst, ',')
		dst = rawjson.AppendString(dst, attrs[i].Key)
		dst = append(dst, ':')
		dst = appendLogValue(dst, attrs[i].Value)
	}
	return append(dst, "}\n"...)
}

func appendLogValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindFloat64:
		return appendDecimal(dst, v.Float64())
	}
	return rawjson.AppendString(dst, v.String())
}

// appendDecimal appends a number with the three decimals that times have here;
// the shortest form, which slog looks for, takes longer to find.
func appendDecimal(dst []byte, f float64) []byte {
	thousandths := int64(math.Round(f * 1000))
	if f < 0 || f > 1e12 || float64(thousandths)/1000 != f {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendInt(dst, thousandths/1000, 10)
	if rest := thousandths % 1000; rest != 0 {
		dst = append(dst, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return dst
}
