//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// counts are how often something has happened, by the name of its figure.
type counts map[string]float64

func (c counts) since(before counts) counts {
	out := counts{}
	for name, n := range c {
		out[name] = n - before[name]
	}
	return out
}

// counters have the kernel count what the threads of some processes do, those
// included that they start meanwhile. Nil counts nothing.
type counters struct {
	files map[string][]int // by figure, one for each thread
}

// event is something that the kernel counts, and the figure that it is a part of.
type event struct {
	figure string
	attr   unix.PerfEventAttr
}

// countable is what can be counted. Not every machine counts all of it: a
// virtual one has no counter of instructions, and who is not root sees no
// system calls.
func countable() []event {
	all := []event{
		{switchEach, unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CONTEXT_SWITCHES}},
		{instrEach, unix.PerfEventAttr{Type: unix.PERF_TYPE_HARDWARE, Config: unix.PERF_COUNT_HW_INSTRUCTIONS}},
	}
	add := func(figure, point string) {
		for _, root := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
			text, err := os.ReadFile(root + "/events/" + point + "/id")
			if err != nil {
				continue
			}
			if id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil {
				all = append(all, event{figure, unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: id}})
				return
			}
		}
	}
	add(callsEach, "raw_syscalls/sys_enter")
	for _, call := range []string{"recvfrom", "recvmsg", "read", "readv", "sendto", "sendmsg", "write", "writev", "splice", "sendfile64"} {
		add(transferEach, "syscalls/sys_enter_"+call)
	}
	return all
}

// openCounters begins to count for processes. What this machine does not count is
// left out.
func openCounters(pids []int) (*counters, error) {
	c := &counters{files: map[string][]int{}}
	for _, e := range countable() {
		if err := c.open(e.figure, e.attr, pids); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *counters) open(figure string, attr unix.PerfEventAttr, pids []int) error {
	attr.Size = uint32(unix.PERF_ATTR_SIZE_VER1)
	attr.Bits = unix.PerfBitInherit
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return err
		}
		for _, thread := range threads {
			tid, err := strconv.Atoi(filepath.Base(thread))
			if err != nil {
				return err
			}
			fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
			switch {
			case errors.Is(err, unix.ESRCH): // the thread has ended meanwhile
				continue
			case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS):
				return nil
			case err != nil:
				return fmt.Errorf("counting %s of thread %d: %w", figure, tid, err)
			}
			c.files[figure] = append(c.files[figure], fd)
		}
	}
	return nil
}

func (c *counters) read() (counts, error) {
	if c == nil {
		return nil, nil
	}
	out := counts{}
	for figure, files := range c.files {
		for _, fd := range files {
			var value [8]byte
			if n, err := unix.Read(fd, value[:]); err != nil || n != len(value) {
				return nil, fmt.Errorf("reading the counter of %s: %d bytes, %w", figure, n, err)
			}
			out[figure] += float64(binary.NativeEndian.Uint64(value[:]))
		}
	}
	return out, nil
}

func (c *counters) close() {
	for _, files := range c.files {
		for _, fd := range files {
			unix.Close(fd)
		}
	}
}
