package server

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory makes the garbage collector keep within the memory that the
// process's control group may use, less a tenth for what is not on its heap:
// stacks, and the kernel's buffers of sockets, which count too. GOMEMLIMIT in the
// environment goes before. It returns the bytes there are; 0 is no limit.
func LimitMemory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	limit := cgroupMemory(os.DirFS("/")) / 10 * 9
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	return limit
}

// requestMemory is how much requests may hold together if nobody says: a quarter
// of what the process may use, or of the machine's if there is no limit. The rest
// is for connections, for the small part of each request that is not counted, and
// for garbage: the collector is behind by as much again.
func requestMemory(limit int64) int64 {
	if limit == 0 {
		limit = machineMemory()
	}
	return limit / 4
}

// fetchCache is how much of the memory for requests keeps what was fetched for
// them: an eighth, and at most 64 MB.
func fetchCache(requests int64) int { return int(min(requests/8, 64<<20)) }

// modestMachine is the memory of a machine that does not say what it has, in bytes.
const modestMachine = 4 << 30

// The hierarchies of version 2 and 1: where a group's limit is to be found.
var cgroups = []struct{ controller, root, file string }{
	{"", "sys/fs/cgroup", "memory.max"},
	{"memory", "sys/fs/cgroup/memory", "memory.limit_in_bytes"},
}

// cgroupMemory returns the tightest limit on the way from the process's control
// group to the root, in bytes; 0 is none. Inside a container the group's path may
// be the host's, of which only the root is to be seen.
func cgroupMemory(system fs.FS) int64 {
	file, err := system.Open("proc/self/cgroup")
	if err != nil {
		return 0
	}
	defer file.Close()
	tightest := int64(math.MaxInt64)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		parts := strings.SplitN(lines.Text(), ":", 3) // number:controllers:path
		if len(parts) < 3 {
			continue
		}
		for _, version := range cgroups {
			if !contains(parts[1], version.controller) {
				continue
			}
			for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
				if limit, ok := readLimit(system, path.Join(version.root, group, version.file)); ok {
					tightest = min(tightest, limit)
				}
				if group == "/" {
					break
				}
			}
		}
	}
	if tightest >= unlimited {
		return 0
	}
	return tightest
}

// unlimited is what version 1 means by no limit: the largest number of pages.
const unlimited = math.MaxInt64 &^ (1<<20 - 1)

func contains(list, word string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == word {
			return true
		}
	}
	return false
}

// readLimit reads a number; "max", which is none, is no number.
func readLimit(system fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(system, name)
	if err != nil {
		return 0, false
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return limit, err == nil && limit > 0
}
