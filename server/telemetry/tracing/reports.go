package tracing

import (
	"log/slog"
	"sync"
	"time"
)

// reports tells the log of what fails, at most once a minute.
type reports struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
	more int // that were not told
}

const reportEvery = time.Minute

func (r *reports) tell(message string, args ...any) {
	r.mu.Lock()
	now := time.Now()
	if !r.last.IsZero() && now.Sub(r.last) < reportEvery {
		r.more++
		r.mu.Unlock()
		return
	}
	more := r.more
	r.last, r.more = now, 0
	r.mu.Unlock()
	if more > 0 {
		args = append(args, "failures_since_the_last_line", more)
	}
	r.log.Warn(message, args...)
}

// Handle takes the library's own errors.
func (r *reports) Handle(err error) {
	r.tell("OpenTelemetry: not all could be sent", "error", clip(err.Error()))
}

// mostTold is how much of an error is told: a collector may answer with a page.
const mostTold = 300

func clip(text string) string {
	if len(text) > mostTold {
		return text[:mostTold] + "…"
	}
	return text
}
