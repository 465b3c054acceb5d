package usage

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestTimelineTellsWhatHappenedWhen(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		k := configure(t, b, nil, nil)
		start := c.now()
		for i := range 6 {
			for range 100 {
				s := sample(10, 2_000_000)
				s.TTFT, s.Duration = 100*time.Millisecond, time.Second
				k.Series("p", "m", "e").Record(s)
			}
			k.Series("q", fmt.Sprintf("n%d", i), "e").Record(Sample{Duration: time.Minute})
			flush(t, b)
			c.advance(30 * time.Minute)
		}
		for _, step := range []time.Duration{time.Minute, time.Hour} {
			lines, err := b.Timeline(start, c.now(), step, ByModel, "")
			if err != nil || len(lines) != 7 || lines[0].Name != "m" || lines[0].Total.Requests != 600 {
				t.Fatalf("%v, %+v", err, lines)
			}
			if all := lines[0].Total; all.Time != begin(start.Unix(), int64(step/time.Second)) || all.Prompt != 6000 || all.TTFT50 < 96 || all.TTFT95 > 128 {
				t.Errorf("in all %+v", all)
			}
			points, each := 6, int64(100)
			if step == time.Hour {
				points, each = 3, 200
			}
			if len(lines[0].Points) != points {
				t.Fatalf("%d points in steps of %v", len(lines[0].Points), step)
			}
			for i, p := range lines[0].Points {
				if p.Time != start.Unix()+int64(i)*int64(max(step, 30*time.Minute)/time.Second) || p.Requests != each || p.Failures != 0 || p.Prompt != 10*each || p.Cost != 0.002*float64(each) ||
					p.TTFT50 < 96 || p.TTFT95 > 128 || p.Total50 < 896 || p.Total95 > 1024 {
					t.Errorf("step %v: %+v", step, p)
				}
			}
		}
		for by, want := range map[Grouping]string{"": "", ByKey: "tester"} {
			own, err := b.Timeline(start, c.now(), time.Hour, by, secret)
			if err != nil || len(own) != 1 || own[0].Name != want || own[0].Total.Requests != 606 || own[0].Total.TTFT50 < 96 || own[0].Total.Total95 > 1024 || own[0].Points[2].TTFT95 < 96 {
				t.Errorf("of one key by %q: %v, %+v", by, err, own)
			}
			if none, err := b.Timeline(start, c.now(), time.Hour, by, "sk-nobody"); err != nil || len(none) != 0 {
				t.Errorf("of no key by %q: %v, %+v", by, err, none)
			}
		}
		for by, want := range map[Grouping]string{ByProvider: "p", ByKey: "tester", "": ""} {
			lines, err := b.Timeline(start, c.now(), time.Hour, by, "")
			if err != nil || lines[0].Name != want {
				t.Errorf("by %q: %v, %+v", by, err, lines)
			}
		}
		failed, _ := b.Timeline(start, c.now(), 24*time.Hour, ByProvider, "")
		if p := failed[1].Points[0]; p.Failures != 6 || p.Total50 != 0 {
			t.Errorf("%+v", p)
		}
		for _, step := range []time.Duration{0, 90 * time.Second, -time.Minute} {
			if _, err := b.Timeline(start, c.now(), step, ByModel, ""); !errors.Is(err, ErrTimeline) {
				t.Errorf("step %v: %v", step, err)
			}
		}
		if _, err := b.Timeline(start.AddDate(-1, 0, 0), start, time.Minute, ByModel, ""); !errors.Is(err, ErrTimeline) {
			t.Error(err)
		}
		if _, err := b.Timeline(start, start, time.Minute, "shoe size", ""); !errors.Is(err, ErrTimeline) {
			t.Error(err)
		}
	})
}

func TestLinesThatAreTooManyBecomeOne(t *testing.T) {
	b := open(t, Options{Memory: true})
	k := configure(t, b, nil, nil)
	for i := range 2 * mostLines {
		for range i + 1 {
			k.Series("p", fmt.Sprintf("m%d", i), "e").Record(sample(1, 1))
		}
	}
	lines, err := b.Timeline(time.Now().Add(-time.Hour), time.Now(), time.Minute, ByModel, "")
	if err != nil || len(lines) != mostLines+1 {
		t.Fatalf("%v, %d lines", err, len(lines))
	}
	rest := lines[mostLines]
	if want := int64(mostLines * (mostLines + 1) / 2); rest.Name != restOfLines || rest.Total.Requests != want || lines[0].Name != fmt.Sprintf("m%d", 2*mostLines-1) {
		t.Errorf("%+v", rest)
	}
}

func TestWhatFailsMostIsALineOfItsOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		k := configure(t, b, nil, nil)
		other := b.Key("sk-somebody-else")
		start := c.now()
		for i := range 3 * mostLines {
			for range 3 {
				k.Series("p", fmt.Sprintf("busy%d", i), "e").Record(sample(10, 0))
			}
			b.Attempt(fmt.Sprintf("provider%d", i), "m", "", i%2 == 0)
		}
		for range 2 { // the least busy of all
			other.Series("p", "culprit", "e").Record(Sample{})
		}
		flush(t, b)
		for name, test := range map[string]struct {
			by     Grouping
			secret string
			sums   int
			last   string // of the lines
			failed int64
		}{
			"of all":       {ByModel, "", 3*mostLines + 1, restOfLines, 0},
			"of one":       {ByModel, "sk-somebody-else", 1, "culprit", 2},
			"of attempts":  {ByAttempts, "", 3 * mostLines, restOfLines, 3*mostLines/2 - worstLines - (mostLines-worstLines)/2},
			"of no key":    {ByModel, "sk-nobody", 0, "", 0},
			"of keys":      {ByKey, "", 2, hashOf("sk-somebody-else"), 2},
			"of providers": {ByProvider, secret, 1, "p", 0},
		} {
			lines, err := b.Timeline(start, c.now(), time.Minute, test.by, test.secret)
			all, err2 := b.Sums(start, c.now(), time.Minute, test.by, test.secret)
			if err != nil || err2 != nil || len(all) != test.sums || len(lines) != min(test.sums, mostLines+1) {
				t.Fatalf("%s: %v %v, %d lines, %d in all", name, err, err2, len(lines), len(all))
			}
			if len(lines) == 0 {
				continue
			}
			if last := lines[len(lines)-1]; last.Name != test.last || test.by != ByAttempts && last.Total.Failures != test.failed {
				t.Errorf("%s: the last line is %+v", name, last.Total)
			}
			var requests, summed, failures int64
			for _, l := range lines {
				requests += l.Total.Requests
				failures += l.Total.Failures
			}
			for _, l := range all {
				summed += l.Total.Requests
				failures -= l.Total.Failures
			}
			if requests != summed || failures != 0 {
				t.Errorf("%s: %d requests in lines, %d in all; failures differ by %d", name, requests, summed, failures)
			}
		}
		lines, _ := b.Timeline(start, c.now(), time.Minute, ByModel, "")
		if culprit := lines[len(lines)-2]; culprit.Name != "culprit" || culprit.Total.Failures != 2 {
			t.Errorf("the culprit is among the others: %+v", culprit.Total)
		}
		if _, err := b.Timeline(start, c.now(), time.Minute, ByAttempts, secret); !errors.Is(err, ErrTimeline) {
			t.Error("attempts are told by client key")
		}
	})
}
