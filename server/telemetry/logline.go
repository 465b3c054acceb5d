package telemetry

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"uniapi/codec/rawjson"
)

// AccessLog writes the line that every request leaves. It does not go through
// slog where it can be helped: slog's JSON form takes an eighth of the time of a
// plain request.
type AccessLog struct {
	log     *slog.Logger
	secrets *atomic.Pointer[Redactor]
	lines   *batch  // where log's lines wait to be written; nil if they do not
	own     *urgent // the end of log's handlers, if those before it add nothing and it writes JSON; else nil
	second  atomic.Pointer[secondText]
}

// Use has the lines written to log, which takes the secrets out of what it is
// told.
func (a *AccessLog) Use(log *slog.Logger) {
	a.log, a.secrets = Redacted(log)
	u, is := a.log.Handler().(*redacting).Handler.(*urgent)
	if is {
		a.lines = u.lines
	}
	if is && u.direct {
		a.own = u
	}
}

// Dropped is how many lines were lost because the log could not be written.
func (a *AccessLog) Dropped() int64 {
	if a.lines == nil {
		return 0
	}
	return a.lines.dropped.Load()
}

func (a *AccessLog) Enabled(level slog.Level) bool {
	if a.own != nil {
		return level >= a.own.level
	}
	return a.log.Enabled(context.Background(), level)
}

// Line is a line that is being written: Begin, its fields, End. It keeps its
// memory from one line to the next.
type Line struct {
	json    []byte
	secrets *Redactor   // of the configuration in force
	attrs   []slog.Attr // the fields, where slog has to write them
	slog    bool
}

// Begin begins a line as slog.JSONHandler would.
func (a *AccessLog) Begin(l *Line, now time.Time, level slog.Level) {
	if l.slog = a.own == nil; l.slog {
		return
	}
	l.secrets = a.secrets.Load()
	l.json = append(l.json[:0], `{"time":"`...)
	l.json = a.appendTime(l.json, now)
	l.json = append(l.json, `","level":"`...)
	l.json = append(l.json, level.String()...)
	l.json = append(l.json, `","msg":"request"`...)
}

// End hands the line on.
func (a *AccessLog) End(l *Line, level slog.Level) {
	if l.slog {
		a.log.LogAttrs(context.Background(), level, "request", l.attrs...)
		l.attrs = nil
		return
	}
	l.json = append(l.json, "}\n"...)
	a.own.lines.Write(l.json)
	if level >= slog.LevelWarn {
		a.own.lines.start()
	}
}

// BeginRecord begins a line of JSON that goes elsewhere than into the log, whatever form that has.
func (a *AccessLog) BeginRecord(l *Line, now time.Time) {
	l.slog, l.secrets = false, a.secrets.Load()
	l.json = append(l.json[:0], `{"time":"`...)
	l.json = a.appendTime(l.json, now)
	l.json = append(l.json, '"')
}

// EndRecord is the line, which is good until the next one is begun.
func (l *Line) EndRecord() []byte {
	l.json = append(l.json, "}\n"...)
	return l.json
}

// List begins a list in a record. Of items that are objects each begins with Item and ends with EndItem.
func (l *Line) List(name string) {
	l.name(name)
	l.json = append(l.json, '[')
}

func (l *Line) Item() {
	l.comma()
	l.json = append(l.json, '{')
}

func (l *Line) EndItem() { l.json = append(l.json, '}') }

func (l *Line) EndList() { l.json = append(l.json, ']') }

// Word is an item that is a text.
func (l *Line) Word(text string) {
	l.comma()
	l.json = rawjson.AppendString(l.json, l.secrets.Clean(text))
}

// Pair is an item that is two numbers.
func (l *Line) Pair(a, b int64) {
	l.comma()
	l.json = append(strconv.AppendInt(append(l.json, '['), a, 10), ',')
	l.json = append(strconv.AppendInt(l.json, b, 10), ']')
}

// Dollars adds an amount in nano-dollars as dollars.
func (l *Line) Dollars(name string, nano int64) {
	l.name(name)
	l.json = strconv.AppendInt(l.json, nano/1e9, 10)
	l.json = appendFraction(l.json, nano%1e9, 9)
}

// Raw adds a member whose value is JSON, in which no secret is.
func (l *Line) Raw(name string, value []byte) {
	l.name(name)
	l.json = append(l.json, value...)
}

// Forget lets go of the memory of a line that was longer.
func (l *Line) Forget(longer int) {
	if cap(l.json) > longer {
		l.json = nil
	}
}

// comma stands between members, and between items.
func (l *Line) comma() {
	if last := l.json[len(l.json)-1]; last != '{' && last != '[' {
		l.json = append(l.json, ',')
	}
}

// name begins a field. Its name needs no escaping. There are dozens in a line, and so it looks for room once.
func (l *Line) name(name string) {
	const around = len(`,"":`)
	n := len(l.json)
	b := slices.Grow(l.json, len(name)+around)[:n+len(name)+around]
	if last := b[n-1]; last != '{' && last != '[' {
		b[n] = ','
		n++
	}
	b[n] = '"'
	n++
	n += copy(b[n:], name)
	b[n], b[n+1] = '"', ':'
	l.json = b[:n+2]
}

// Text adds a text, without the secrets in it.
func (l *Line) Text(name, value string) {
	if l.slog {
		l.attrs = append(l.attrs, slog.String(name, value))
		return
	}
	if !l.secrets.Short(value) {
		value = l.secrets.Clean(value)
	}
	l.name(name)
	l.json = rawjson.AppendString(l.json, value)
}

// Bytes is Text without a copy. In what is clean no secrets are looked for.
func (l *Line) Bytes(name string, value []byte, clean bool) {
	if l.slog {
		l.attrs = append(l.attrs, slog.String(name, string(value)))
		return
	}
	if !clean && l.secrets.HasBytes(value) {
		value = []byte(l.secrets.Clean(string(value)))
	}
	l.name(name)
	l.json = rawjson.AppendString(l.json, value)
}

func (l *Line) Number(name string, n int64) {
	if l.slog {
		l.attrs = append(l.attrs, slog.Int64(name, n))
		return
	}
	l.name(name)
	l.json = strconv.AppendInt(l.json, n, 10)
}

// Address adds a network address to a record.
func (l *Line) Address(name string, a netip.Addr) {
	l.name(name)
	l.json = append(a.AppendTo(append(l.json, '"')), '"')
}

func (l *Line) Truth(name string, is bool) {
	if l.slog {
		l.attrs = append(l.attrs, slog.Bool(name, is))
		return
	}
	l.name(name)
	l.json = strconv.AppendBool(l.json, is)
}

// Milliseconds adds a duration in milliseconds, with three decimals at most.
func (l *Line) Milliseconds(name string, d time.Duration) {
	if l.slog {
		l.attrs = append(l.attrs, slog.Float64(name, Milliseconds(d)))
		return
	}
	l.name(name)
	us := max(d.Microseconds(), 0)
	l.json = strconv.AppendInt(l.json, us/1000, 10)
	switch us %= 1000; {
	case us%10 != 0:
		l.json = append(l.json, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
	case us != 0:
		l.json = appendFraction(l.json, us, 3)
	}
}

// secondText is what the times of one second have in common when they are written.
type secondText struct {
	unix       int64
	date, zone string
}

// appendTime appends a time as time.RFC3339Nano has it. Times are formatted once a
// second; only the fraction differs.
func (a *AccessLog) appendTime(dst []byte, now time.Time) []byte {
	s := a.second.Load()
	if s == nil || s.unix != now.Unix() {
		s = &secondText{now.Unix(), now.Format("2006-01-02T15:04:05"), now.Format("Z07:00")}
		a.second.Store(s)
	}
	dst = append(dst, s.date...)
	dst = appendFraction(dst, int64(now.Nanosecond()), 9)
	return append(dst, s.zone...)
}

// appendFraction appends the digits behind the point of n/10^digits, and the point,
// without zeros at the end.
func appendFraction(dst []byte, n int64, digits int) []byte {
	if n == 0 {
		return dst
	}
	for ; n%10 == 0; n /= 10 {
		digits--
	}
	dst = append(dst, '.')
	dst = append(dst, "000000000"[:digits]...)
	for i := len(dst) - 1; n > 0; n /= 10 {
		dst[i] = byte('0' + n%10)
		i--
	}
	return dst
}

func Milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// Clip keeps an upstream's error page from filling the log.
func Clip(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
