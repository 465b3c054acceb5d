//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the time that the processes of pids have spent on a CPU so far,
// user and system, all their threads, the ended ones too. It is what
// /proc/PID/stat shows as utime and stime, but in nanoseconds instead of ticks
// of 10 ms: Linux makes the CPU clock of every process readable under a clock
// number made of its pid (see clock_getcpuclockid(3)).
func cpuTime(pids []int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED: time on a CPU as the scheduler counts it
	var sum time.Duration
	for _, pid := range pids {
		var ts unix.Timespec
		if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &ts); err != nil {
			return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
		}
		sum += time.Duration(ts.Nano())
	}
	return sum, nil
}

// machineTime is the time that the cores have spent on anything so far, in steps
// of 10 ms.
func machineTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the time of all cores: %w", err)
	}
	return busyTime(stat)
}

var errNotCPUs = errors.New("unexpected content of /proc/stat")

// busyTime reads the first line of /proc/stat: user, nice, system, idle, iowait,
// irq, softirq, steal in hundredths of a second.
func busyTime(stat []byte) (sum time.Duration, err error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, errNotCPUs
	}
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil || ticks < 0 {
			return 0, errNotCPUs
		}
		if i != 3 && i != 4 { // idle, and idle while a disk works
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum, nil
}

// processTree is pid and all its descendants.
func processTree(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	children := make(map[int][]int)
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		parent, err := parentOf(stat)
		if err != nil {
			return nil, fmt.Errorf("process %d: %w", child, err)
		}
		children[parent] = append(children[parent], child)
	}
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

var errNotStat = errors.New("unexpected content of /proc/PID/stat")

// parentOf reads the parent's pid from /proc/PID/stat. The second field, the
// name in parentheses, may hold spaces and parentheses itself.
func parentOf(stat []byte) (int, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, errNotStat
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 2 {
		return 0, errNotStat
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil || parent < 0 {
		return 0, errNotStat
	}
	return parent, nil
}

// resident is the memory of the processes of pids that is in RAM, in bytes.
func resident(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
		}
		pages, err := residentPages(statm)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum += pages * int64(os.Getpagesize())
	}
	return sum, nil
}

var errNotStatm = errors.New("unexpected content of /proc/PID/statm")

// residentPages reads the second field of /proc/PID/statm.
func residentPages(statm []byte) (int64, error) {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, errNotStatm
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil || pages < 0 {
		return 0, errNotStatm
	}
	return pages, nil
}

// residentOwn is the memory of a process that is in RAM, in bytes, and the part
// of it that is not a file's, such as its binary's.
func residentOwn(pid int) (all, own int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		kilobytes := func() int64 {
			n, _ := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			return n << 10
		}
		switch string(name) {
		case "VmRSS":
			all = kilobytes()
		case "RssAnon":
			own = kilobytes()
		}
	}
	return all, own, nil
}
