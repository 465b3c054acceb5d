package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// notes writes what is logged as a line for a person. Commands that end have no log, and whoever runs one looks at a
// terminal.
type notes struct {
	to   io.Writer
	from string // the command
}

func (notes) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (n notes) Handle(_ context.Context, r slog.Record) error {
	var more []string
	r.Attrs(func(a slog.Attr) bool {
		more = append(more, fmt.Sprintf("%s: %v", a.Key, a.Value))
		return true
	})
	line := fmt.Sprintf("uni-api %s: %s", n.from, r.Message)
	if len(more) > 0 {
		line += " (" + strings.Join(more, ", ") + ")"
	}
	_, err := fmt.Fprintln(n.to, line)
	return err
}

func (n notes) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n notes) WithGroup(string) slog.Handler      { return n }
