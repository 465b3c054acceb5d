package server

import (
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/pbnjay/memory"

	"uniapi/usage"
)

// LimitMemory makes the garbage collector keep within the memory that the
// process's control group may use, less a tenth for what is not on its heap:
// stacks, and the kernel's buffers of sockets, which count too. GOMEMLIMIT in the
// environment goes before. It returns the bytes there are; 0 is no limit.
func LimitMemory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	limit := usable(memlimit.FromCgroup())
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	return limit
}

// usable is nine tenths of a control group's limit. An error means that there is
// none, or that none can be read.
func usable(limit uint64, err error) int64 {
	if err != nil || limit > math.MaxInt64 {
		return 0
	}
	return int64(limit / 10 * 9)
}

// requestMemory is how much requests may hold together if nobody says: a quarter
// of what the process may use, or of the machine's if there is no limit. The rest
// is for connections, for the small part of each request that is not counted, and
// for garbage: the collector is behind by as much again.
func requestMemory(limit int64) int64 { return memoryOr(limit) / 4 }

// fetchCache is how much of the memory for requests keeps what was fetched for
// them: an eighth, and at most 64 MB.
func fetchCache(requests int64) int { return int(min(requests/8, 64<<20)) }

// keptAnswers is how much of it keeps answers for requests that are sent again under
// their Idempotency-Key: a sixteenth, and at most 64 MB.
func keptAnswers(requests int64) int { return int(min(requests/16, 64<<20)) }

// BookSeries is how many series the books may have (usage.Options.Series): a sixteenth of the memory.
func BookSeries(limit int64) int {
	return int(min(max(memoryOr(limit)/16/usage.SeriesSize, 1000), 100_000))
}

// metricLines is how many lines of models a page of metrics may have: an eighth of the memory while it is made.
func metricLines(limit int64) int { return int(min(max(memoryOr(limit)/8/lineSize, 2000), 400_000)) }

// lineSize is about what a line of metrics takes while the page is made, in all forms that it has then.
const lineSize = 700

// memoryOr is the limit, or without one what the machine has.
func memoryOr(limit int64) int64 {
	if limit == 0 {
		limit = machineMemory()
	}
	return limit
}

// modestMachine is the memory of a machine that does not say what it has, in bytes.
const modestMachine = 4 << 30

// machineMemory is what the machine has, in bytes.
func machineMemory() int64 {
	if total := memory.TotalMemory(); total > 0 && total <= math.MaxInt64 {
		return int64(total)
	}
	return modestMachine
}
