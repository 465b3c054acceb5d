package server

import (
	"errors"
	"math"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestWhatIsUsableOfAControlGroupsMemory(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit uint64
		err   error
		want  int64
	}{
		{"a limit", 512 << 20, nil, 512 << 20 / 10 * 9},
		{"no limit", 0, memlimit.ErrNoLimit, 0},
		{"no control groups on this system", 0, memlimit.ErrCgroupsNotSupported, 0},
		{"unreadable", 17, errors.New("what"), 0},
		{"more than there can be", math.MaxUint64, nil, 0},
	} {
		if got := usable(test.limit, test.err); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestRequestsGetAQuarterOfTheMemory(t *testing.T) {
	if got := requestMemory(1 << 30); got != 256<<20 {
		t.Errorf("of 1 GiB: %d", got)
	}
	if got := requestMemory(0); got != machineMemory()/4 || got < 1<<20 {
		t.Errorf("without a limit: %d of %d", got, machineMemory())
	}
}
