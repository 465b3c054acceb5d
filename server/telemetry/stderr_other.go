//go:build !linux

package telemetry

// OwnStderr does nothing here: a pipe cannot be opened a second time.
func OwnStderr() {}
