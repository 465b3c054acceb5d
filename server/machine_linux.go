package server

import "golang.org/x/sys/unix"

// machineMemory is what the machine has, in bytes.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return modestMachine
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}
