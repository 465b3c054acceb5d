//go:build race

package linear

// instrumented is by how much more the time may grow: the race detector has memory of its own for all that is new.
const instrumented = 4
