package usage

import (
	"errors"
	"testing"
	"time"
)

func TestStateOfTheLedgerSaysWhatWaits(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		disk := onFullDisk(b)
		k := configure(t, b, nil, nil)
		b.flushing.Lock() // the flush of every second comes later
		k.Series("p", "m", "e").Record(sample(1, 1))
		if s := b.Ledger(); s.Pending != 1 || s.Err != nil {
			t.Errorf("with a request that has just been counted: %+v", s)
		}
		b.flushing.Unlock()
		flush(t, b)
		written := b.Ledger()
		if written.Pending != 0 || written.Rows != 3 || written.Took <= 0 || written.Lag != 0 { // of the series, its channel and its key
			t.Errorf("after a flush: %+v", written)
		}
		disk.full.Store(true)
		k.Series("p", "m", "e").Record(sample(1, 1))
		c.advance(time.Minute)
		if err := b.flush(); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		if s := b.Ledger(); s.Pending != 3 || !errors.Is(s.Err, errFull) || s.Lag != time.Minute || s.Took != written.Took {
			t.Errorf("on a full disk: %+v", s)
		}
		disk.full.Store(false)
		flush(t, b)
		if s := b.Ledger(); s.Pending != 0 || s.Err != nil || s.Lag != 0 {
			t.Errorf("after the next flush: %+v", s)
		}
	})
}

func TestStateOfTheLedgerKnowsItsSize(t *testing.T) {
	b := open(t, Options{Dir: t.TempDir()})
	if size := b.Ledger().Size; size <= 0 {
		t.Errorf("the file has %d bytes", size)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if size := b.Ledger().Size; size != 0 {
		t.Errorf("after its end the file has %d bytes", size)
	}
}

func TestTotalsHaveHistogramsWithTheirSums(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, _ *clock) {
		k := configure(t, b, nil, nil)
		for n := range 10 {
			k.Series("p", "m", "e").Record(Sample{Success: n < 6, TTFT: 10 * time.Millisecond, Duration: time.Second})
			if n == 4 {
				flush(t, b) // what was written is not counted again
			}
		}
		all, _ := b.Totals()
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		got := all[0]
		counted := func(h *Histogram) (n int64) {
			for _, c := range h {
				n += c
			}
			return n
		}
		if got.Requests != 10 || got.Failures != 4 || counted(&got.FirstByte) != 6 || counted(&got.Duration) != 6 {
			t.Errorf("%d requests, %d failures, %d first bytes, %d durations", got.Requests, got.Failures, counted(&got.FirstByte), counted(&got.Duration))
		}
		if got.FirstByteSum != 0.06 || got.DurationSum != 6 {
			t.Errorf("their sums are %v and %v", got.FirstByteSum, got.DurationSum)
		}
	})
}
