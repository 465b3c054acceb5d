//go:build example

package config

// The line that shows how a schedule is added. That of a real one stands in schedules.
func init() { schedules = append(schedules, "backwards") }
