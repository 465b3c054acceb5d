package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"uniapi/codec"
)

// redacting is the handler that every line of the log passes on its way out, but
// for those that accessLog cleans itself. What is too short to hold a secret costs
// a comparison.
type redacting struct {
	slog.Handler
	secrets *atomic.Pointer[Redactor] // of the configuration in force; nil before there is one
}

// redacted is log with the secrets of a configuration taken out of its lines, and
// where to put them. A log is not wrapped twice.
func Redacted(log *slog.Logger) (*slog.Logger, *atomic.Pointer[Redactor]) {
	if h, is := log.Handler().(*redacting); is {
		return log, h.secrets
	}
	h := &redacting{log.Handler(), new(atomic.Pointer[Redactor])}
	return slog.New(h), h.secrets
}

func (h *redacting) Handle(ctx context.Context, r slog.Record) error {
	secrets := h.secrets.Load()
	found := secrets.Has(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		found = found || secrets.inValue(a.Value)
		return !found
	})
	if !found {
		return h.Handler.Handle(ctx, r)
	}
	out := slog.NewRecord(r.Time, r.Level, secrets.Clean(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(slog.Attr{Key: a.Key, Value: secrets.value(a.Value)})
		return true
	})
	return h.Handler.Handle(ctx, out)
}

func (h *redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &redacting{h.Handler.WithAttrs(h.secrets.Load().attrs(attrs)), h.secrets}
}

func (h *redacting) WithGroup(name string) slog.Handler {
	return &redacting{h.Handler.WithGroup(name), h.secrets}
}

// attrs are a line's attributes without secrets.
func (r *Redactor) attrs(attrs []slog.Attr) []slog.Attr {
	if !r.inAttrs(attrs) {
		return attrs
	}
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = slog.Attr{Key: a.Key, Value: r.value(a.Value)}
	}
	return out
}

// inAttrs says whether there is a secret in a line's attributes.
func (r *Redactor) inAttrs(attrs []slog.Attr) bool {
	return slices.ContainsFunc(attrs, func(a slog.Attr) bool { return r.inValue(a.Value) })
}

// inValue says whether there is a secret in what a line of the log would show of
// a value.
func (r *Redactor) inValue(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindString:
		return r.Has(v.String())
	case slog.KindAny:
		return r.Has(shownAs(v.Any()))
	case slog.KindLogValuer:
		return r.inValue(v.Resolve())
	case slog.KindGroup:
		return r.inAttrs(v.Group())
	}
	return false
}

// value is a value without secrets.
func (r *Redactor) value(v slog.Value) slog.Value {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.StringValue(r.Clean(v.String()))
	case slog.KindAny:
		return slog.StringValue(r.Clean(shownAs(v.Any())))
	case slog.KindGroup:
		return slog.GroupValue(r.attrs(v.Group())...)
	}
	return v
}

// shownAs is a value of any type as text.
func shownAs(v any) string {
	if b, is := v.([]byte); is {
		return string(b)
	}
	return fmt.Sprintf("%+v", v)
}

// toldBut takes the secrets out of what a client is told of an error, but for
// pieces of which keep is true.
func (r *Redactor) ToldBut(e *codec.Error, keep func(piece string) bool) {
	for _, text := range []*string{&e.Message, &e.Type, &e.Code, &e.Param} {
		*text = r.CleanBut(*text, keep)
	}
	e.Raw = nil
}
