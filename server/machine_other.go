//go:build !linux

package server

// machineMemory is a guess at what the machine has, in bytes.
func machineMemory() int64 { return modestMachine }
