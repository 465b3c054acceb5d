//go:build linux

package main

import (
	"testing"
	"time"
)

func TestParentIsReadFromStat(t *testing.T) {
	for stat, want := range map[string]int{
		"42 (nginx) S 7 42 42 0 -1": 7,
		"42 (a) b (c)) R 8 42":      8,
		"1 (systemd) S 0 1 1":       0,
		"42 (nginx) S":              -1,
		"42 nginx S 7":              -1,
		"42 (nginx) S x":            -1,
		"":                          -1,
	} {
		got, err := parentOf([]byte(stat))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: parent %d, want %d (%v)", stat, got, want, err)
		}
	}
}

func TestResidentPagesAreReadFromStatm(t *testing.T) {
	for statm, want := range map[string]int64{
		"2901 648 300 10 0 400 0\n": 648,
		"2901":                      -1,
		"2901 x":                    -1,
		"":                          -1,
	} {
		got, err := residentPages([]byte(statm))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d pages, want %d (%v)", statm, got, want, err)
		}
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("42 (nginx) S 7 42 42 0 -1"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		if parent, err := parentOf(stat); err == nil && parent < 0 {
			t.Errorf("parent %d", parent)
		}
	})
}

func TestBusyTimeIsReadFromStat(t *testing.T) {
	for stat, want := range map[string]time.Duration{
		"cpu  1 2 3 100 200 4 5 6 0 0\ncpu0 1 1\n": 210 * time.Millisecond,
		"cpu  1 2 3 100 200 4 5\n":                 -1,
		"cpu0 1 2 3 100 200 4 5 6\n":               -1,
		"cpu  1 2 3 100 200 4 x 6\n":               -1,
		"":                                         -1,
	} {
		got, err := busyTime([]byte(stat))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v, want %v (%v)", stat, got, want, err)
		}
	}
}
