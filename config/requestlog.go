package config

import (
	"fmt"
	"math"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// RequestLog is what is kept of each request on the disk, and how much of that.
type RequestLog struct {
	Level RequestLogLevel
	Keep  time.Duration
	Size  int64 // bytes on the disk
}

// RequestLogLevel is what is kept of a request.
type RequestLogLevel string

// The levels of request_log.
const (
	RequestLogOff      RequestLogLevel = "off"
	RequestLogMetadata RequestLogLevel = "metadata" // who, what, when, how long, what it cost; nothing of what was said
	RequestLogBodies   RequestLogLevel = "bodies"   // and all that was said
)

// newRequestLog is what holds where the file does not say more than the level.
var newRequestLog = RequestLog{Level: RequestLogOff, Keep: 7 * 24 * time.Hour, Size: 1 << 30}

// leastRequestLog is the smallest size of a request log, in bytes.
const leastRequestLog = 1 << 20

// requestLog reads a level alone, or a mapping with one.
func requestLog(d *decoder, n *yaml.Node) (RequestLog, bool) {
	if n.Kind == yaml.MappingNode {
		return nested(requestLogFields, newRequestLog)(d, n)
	}
	l := newRequestLog
	level, ok := requestLogLevel(d, n)
	l.Level = level
	return l, ok
}

var requestLogFields = []field[RequestLog]{
	take("level", requestLogLevel, func(l *RequestLog) *RequestLogLevel { return &l.Level }),
	take("keep_days", days, func(l *RequestLog) *time.Duration { return &l.Keep }),
	take("size", requestLogSize, func(l *RequestLog) *int64 { return &l.Size }),
}

func requestLogLevel(d *decoder, n *yaml.Node) (RequestLogLevel, bool) {
	if n.Kind == yaml.ScalarNode && n.Value == "false" { // what YAML's older versions take off for
		return RequestLogOff, true
	}
	level, ok := oneOf(string(RequestLogOff), string(RequestLogMetadata), string(RequestLogBodies))(d, n)
	if ok && level == string(RequestLogBodies) {
		d.advise(n, "request_log: bodies keeps on the disk what users write and what models answer, readable for whoever may read the data folder; metadata keeps who asked what, and nothing of what was said")
	}
	return RequestLogLevel(level), ok
}

// days reads a number of days, of which a part may be enough.
func days(d *decoder, n *yaml.Node) (time.Duration, bool) {
	f, ok := number(d, n)
	if most := float64(math.MaxInt64 / int64(24*time.Hour)); ok && (f <= 0 || f > most) {
		d.fail(n, n.Value, "%s must be a number of days above 0, not %s", d.key, shown(n.Value))
		return 0, false
	}
	return time.Duration(f * float64(24*time.Hour)), ok
}

func requestLogSize(d *decoder, n *yaml.Node) (int64, bool) {
	size, ok := ParseSize(n.Value)
	if n.Kind != yaml.ScalarNode || !ok || size < leastRequestLog {
		d.fail(n, n.Value, "%s must be a size of 1MiB or more, such as 1GiB or 500MB, not %s", d.key, shown(n.Value))
		return 0, false
	}
	return size, true
}

// String is the setting as `check` shows it.
func (l RequestLog) String() string {
	if l.Level == RequestLogOff {
		return ""
	}
	return fmt.Sprintf("%s, for %v days, up to %d MiB", l.Level, l.Keep.Hours()/24, l.Size>>20)
}
