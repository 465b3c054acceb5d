package server

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Supervisor is the service manager that started the process, if it wants to
// hear how the service is doing (Type=notify or notify-reload). Without one, what
// is told goes nowhere.
type Supervisor struct{ log *slog.Logger }

// NewSupervisor finds it by the environment.
func NewSupervisor(log *slog.Logger) Supervisor { return Supervisor{log} }

// Ready says that the service serves, and how, in a line for people. It also ends
// a reload.
func (s Supervisor) Ready(format string, args ...any) {
	s.tell(daemon.SdNotifyReady, "STATUS="+fmt.Sprintf(format, args...))
}

// Reloading says that the configuration is being read again.
func (s Supervisor) Reloading() {
	s.tell(daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()), "STATUS=reading the configuration again")
}

// Stopping says that the service ends as soon as its requests have.
func (s Supervisor) Stopping() {
	s.tell(daemon.SdNotifyStopping, "STATUS=letting requests in flight finish")
}

// Alive says that the service is not stuck.
func (s Supervisor) Alive() { s.tell(daemon.SdNotifyWatchdog) }

// Heartbeat ticks when Alive is due: twice in the time after which the service
// manager would take the service for stuck. It is nil if nobody watches.
func (s Supervisor) Heartbeat() <-chan time.Time {
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the service manager's watchdog is not served", "error", err)
	}
	if patience <= 0 {
		return nil
	}
	return time.Tick(patience / 2)
}

func (s Supervisor) tell(lines ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		s.log.Warn("the service manager was not reached", "error", err)
	}
}
