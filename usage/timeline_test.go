package usage

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestATimelineTellsWhatHappenedWhen(t *testing.T) {
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
			fold(t, b)
			c.advance(30 * time.Minute)
		}
		for _, step := range []time.Duration{time.Minute, time.Hour} {
			lines, err := b.Timeline(start, c.now(), step, ByModel)
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
		for by, want := range map[Grouping]string{ByProvider: "p", ByKey: "tester", "": ""} {
			lines, err := b.Timeline(start, c.now(), time.Hour, by)
			if err != nil || lines[0].Name != want {
				t.Errorf("by %q: %v, %+v", by, err, lines)
			}
		}
		failed, _ := b.Timeline(start, c.now(), 24*time.Hour, ByProvider)
		if p := failed[1].Points[0]; p.Failures != 6 || p.Total50 != 0 {
			t.Errorf("%+v", p)
		}
		for _, step := range []time.Duration{0, 90 * time.Second, -time.Minute} {
			if _, err := b.Timeline(start, c.now(), step, ByModel); !errors.Is(err, ErrTimeline) {
				t.Errorf("step %v: %v", step, err)
			}
		}
		if _, err := b.Timeline(start.AddDate(-1, 0, 0), start, time.Minute, ByModel); !errors.Is(err, ErrTimeline) {
			t.Error(err)
		}
		if _, err := b.Timeline(start, start, time.Minute, "shoe size"); !errors.Is(err, ErrTimeline) {
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
	lines, err := b.Timeline(time.Now().Add(-time.Hour), time.Now(), time.Minute, ByModel)
	if err != nil || len(lines) != mostLines+1 {
		t.Fatalf("%v, %d lines", err, len(lines))
	}
	rest := lines[mostLines]
	if want := int64(mostLines * (mostLines + 1) / 2); rest.Name != restOfLines || rest.Total.Requests != want || lines[0].Name != "m59" {
		t.Errorf("%+v", rest)
	}
}
