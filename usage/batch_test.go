package usage

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

func randomRows(r *rand.Rand, n int) rows {
	out := rows{}
	for range n {
		c := out.at(r.Uint32N(5000))
		for i := range c.Row {
			if r.IntN(3) == 0 {
				c.Row[i] = r.Int64N(1 << r.IntN(62))
			}
		}
		for which := range c.histograms {
			if r.IntN(2) == 0 {
				c.histogram(which)[r.IntN(HistogramBuckets)] = r.Int64N(1000) + 1
			}
		}
	}
	return out
}

func TestWhatIsWrittenIntoABatchIsReadFromIt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var d decoder
	for _, n := range []int{0, 1, 2, 100, 3000} {
		wrote := randomRows(r, n)
		batch := wrote.encode()
		read := rows{}
		if err := d.add(batch, allColumns, read.at); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read.encode(), batch) {
			t.Fatalf("%d rows came back different", n)
		}
		for number, c := range wrote {
			if read[number].Row != c.Row {
				t.Fatalf("row %d is %v, not %v", number, read[number].Row, c.Row)
			}
		}
		some := rows{}
		if err := d.add(batch, columnsOf(cost), func(number uint32) *Counts {
			if number%2 == 0 {
				return nil
			}
			return some.at(number)
		}); err != nil {
			t.Fatal(err)
		}
		for number, c := range some {
			want := Row{}
			want[cost] = wrote[number].Row[cost]
			if number%2 == 0 || c.Row != want || c.histograms != [histogramCount]*Histogram{} {
				t.Fatalf("more than was asked for: %v", c)
			}
		}
	}
}

func TestSpanKeepsTheAddressesWithTheMostRequests(t *testing.T) {
	all, total := addresses{otherAddresses: 5}, int64(5)
	for i := range 3 * keptAddresses {
		all[fmt.Sprintf("10.0.%d.%d", i/256, i%256)] = int64(i)
		total += int64(i)
	}
	read := addresses{}
	if err := read.add(all.encode()); err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for n := range maps.Values(read) {
		sum += n
	}
	if len(read) != keptAddresses+1 || sum != total || read["10.0.2.255"] != 3*keptAddresses-1 || read["10.0.0.1"] != 0 {
		t.Errorf("%d addresses with %d of %d requests", len(read), sum, total)
	}
}

func FuzzBatch(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 3))
	f.Add(randomRows(r, 20).encode())
	f.Add([]byte{batchVersion, 2, 1, 0})
	f.Add([]byte{batchVersion, 1, 1, 1, 10, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		read := rows{}
		if new(decoder).add(data, allColumns, read.at) != nil {
			return
		}
		batch := read.encode()
		again := rows{}
		if err := new(decoder).add(batch, allColumns, again.at); err != nil || !bytes.Equal(again.encode(), batch) {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add(addresses{"127.0.0.1": 3, "::1": 4}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		read := addresses{}
		if read.add(data) != nil || len(read) > keptAddresses {
			return
		}
		again := addresses{}
		if err := again.add(read.encode()); err != nil || !bytes.Equal(again.encode(), read.encode()) {
			t.Fatalf("%v became %v, %v", read, again, err)
		}
	})
}
