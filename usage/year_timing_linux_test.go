package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// year is a ledger of a year with 1,000 keys and 50 models, in hours: every key is active in a quarter of the hours
// with two of the models, and on a day with all of them. That is 4.4 million rows of hours and 18 million rows of days.
const (
	yearKeys      = 1000
	yearModels    = 50
	yearProviders = 5
	// activeRows is how many of the 50,000 series an hour has.
	activeRows = yearKeys / 4 * 2
)

// BenchmarkYear asks a ledger of a year what the pages and the API ask.
func BenchmarkYear(b *testing.B) {
	c := newClock()
	dir := b.TempDir()
	begun := time.Now()
	rows := writeYear(b, dir, c)
	info, err := os.Stat(filepath.Join(dir, ledgerFile))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d rows of hours and days, %d MB, made in %v", rows, info.Size()>>20, time.Since(begun).Round(time.Second))
	books := open(b, Options{Dir: dir, Now: c.now})
	month := c.now().Add(-30 * 24 * time.Hour)
	for _, bench := range []struct {
		name string
		ask  func() int
	}{
		{"stats 720 hours", func() int { return len(books.Stats(720).Models) }},
		{"token usage of a month", func() int { return len(books.TokenUsage("", "", month, c.now())) }},
		{"token usage of a month and a key", func() int { return len(books.TokenUsage("key 7", "", month, c.now())) }},
		{"token usage of a year", func() int { return len(books.TokenUsage("", "", c.now().AddDate(-1, 0, 0), c.now())) }},
		{"timeline of a month by hours and model", func() int {
			lines, _ := books.Timeline(month, c.now(), time.Hour, ByModel, "")
			return len(lines)
		}},
		{"timeline of a month by hours and key", func() int {
			lines, _ := books.Timeline(month, c.now(), time.Hour, ByKey, "")
			return len(lines)
		}},
		{"terms of all keys after a start", func() int {
			books.mu.Lock()
			clear(books.keys)
			books.mu.Unlock()
			terms := make([]Terms, yearKeys)
			for i := range terms {
				terms[i] = Terms{Secret: fmt.Sprint("key ", i)}
			}
			if err := books.Configure(terms); err != nil {
				b.Fatal(err)
			}
			return len(terms)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				if bench.ask() == 0 {
					b.Fatal("there is no answer")
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// writeYear makes the ledger. A flush a minute for a year would take hours, so it writes what they would have left
// behind.
func writeYear(b *testing.B, dir string, c *clock) (rows int) {
	l, err := openFile(dir, new(damages), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	l.db.NoSync = true
	x := indexOf(make([]Name, 1))
	series := make([]Name, yearKeys*yearModels)
	for i := range series {
		model := i % yearModels
		series[i] = Name{ofRequests, hashOf(fmt.Sprint("key ", i/yearModels)), fmt.Sprint("provider ", model%yearProviders), fmt.Sprint("model ", model), "POST /v1/chat/completions"}
	}
	count := func(into *span, n Name) {
		s := sample(4000, 12_345_678)
		r := Counts{Row: Row{requests: 7, failures: 1, promptTokens: 7 * s.Tokens.Prompt, completionTokens: 7 * 500, cachedTokens: 9000, cost: s.Cost}}
		for _, ms := range []int{200, 300, 450, 2000} {
			d := time.Duration(ms) * time.Millisecond
			r.histogram(firstByte)[bucketOf(d)]++
			r.histogram(duration)[bucketOf(5*d)]++
		}
		into.count(x, n, &r)
		into.count(x, Name{Kind: ofAttempts, Who: "sk-…1", Provider: n.Provider, Model: n.Model}, &r)
	}
	m := startMarks(c.now().AddDate(-1, 0, 0).Unix())
	m.HoursTo, m.DaysTo = begin(c.now().Unix(), hour), begin(c.now().Unix(), day)
	m.MinutesFrom = m.HoursTo
	full := newSpan() // of a day in which everything was used
	for _, n := range series {
		count(full, n)
	}
	for i := range keptAddresses {
		full.clients[fmt.Sprintf("10.1.2.%d", i)] = int64(i + 1)
	}
	var hours [24][len(allKinds)][]byte // by the hour of the day; other series in each
	for h := range hours {
		s := newSpan()
		for i := range activeRows {
			count(s, series[(h*7919+i*97)%len(series)])
		}
		s.clients = full.clients
		for i, k := range allKinds {
			hours[h][i] = s.batch(k)
		}
	}
	for at := m.DaysFrom; at < m.HoursTo; at += day {
		if err := l.update(func(w writer) error {
			if at < m.DaysTo {
				rows += len(series)
				if err := full.write(w, day, at); err != nil {
					return err
				}
			}
			for h := at; h < min(at+day, m.HoursTo); h += hour {
				rows += activeRows
				for i, k := range allKinds {
					if err := putSpan(w, hour, k, h, hours[h%day/hour][i]); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.update(func(w writer) error {
		for number := 1; number < len(x.names); number++ {
			if err := putName(w, uint32(number), x.names[number]); err != nil {
				return err
			}
		}
		return m.write(w)
	}); err != nil {
		b.Fatal(err)
	}
	if err := l.close(); err != nil {
		b.Fatal(err)
	}
	return rows
}

// processorTime is what the process has used, which unlike the time on the wall does not depend on what else the
// machine does.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
