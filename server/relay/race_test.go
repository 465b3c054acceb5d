package relay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"uniapi/pool"
)

// upstream is what one that is asked does: it answers or fails after a time, or hangs.
type upstream struct {
	after time.Duration // 0 is never
	err   error
}

// field is a request that may have these upstreams asked. It writes down what it is told, and when.
type field struct {
	upstreams []upstream
	delay     time.Duration
	began     time.Time
	asked     []*Runner
	hand      int // which of them
	told      []string
}

func (f *field) say(what string) {
	f.told = append(f.told, fmt.Sprintf("%v %c %s", time.Since(f.began), 'a'+f.hand, what))
}

func (f *field) Turn(to *Runner) { f.hand = slices.Index(f.asked, to) }
func (f *field) Lost(err error)  { f.say("lost: " + err.Error()) }

func (f *field) Outrun(late error) {
	if late != nil {
		f.say("late: " + late.Error())
		return
	}
	f.say("outrun")
}

func (f *field) Beside() *Runner {
	n := len(f.asked)
	if n == len(f.upstreams) {
		return nil
	}
	u := f.upstreams[n]
	one := &Runner{Answer: new(Answer), Limits: &pool.Deadlines{FirstByte: 10 * time.Second}, Began: time.Now(), Delay: f.delay}
	one.Try = func() error {
		if u.after == 0 {
			u.after = time.Hour
		}
		return cmp.Or(one.Call.Wait(u.after), u.err)
	}
	f.asked, f.hand = append(f.asked, one), n
	f.say("asked")
	return one
}

func TestRaceIsWonByTheFirstAnswer(t *testing.T) {
	broken := errors.New("broken")
	const second = time.Second
	for _, c := range []struct {
		name      string
		upstreams []upstream
		delay     time.Duration
		most      int
		share     float64
		want      string
	}{
		{"a quick one is alone", []upstream{{after: second}, {after: second}}, 2 * second, 2, 100, "0s a asked; 1s a won"},
		{"a slow one is overtaken", []upstream{{}, {after: second}}, 2 * second, 2, 100, "0s a asked; 2s b asked; 3s a outrun; 3s b won"},
		{"a slow one is in time", []upstream{{after: 3 * second}, {}}, 2 * second, 2, 100, "0s a asked; 2s b asked; 3s b outrun; 3s a won"},
		{"no more than may be", []upstream{{}, {}, {after: second}}, 2 * second, 2, 100,
			"0s a asked; 2s b asked; 10s a lost: waiting: no answer within 10s; 10s c asked; 11s b outrun; 11s c won"},
		{"one of the share asks all", []upstream{{4500 * time.Millisecond, broken}, {}, {after: second}}, 2 * second, 3, 100,
			"0s a asked; 2s b asked; 4s c asked; 4.5s a lost: broken; 5s b outrun; 5s c won"},
		{"not one of the share", []upstream{{}, {after: second}}, 2 * second, 2, 0, "0s a asked; 10s b asked; 11s a late: waiting: no answer within 10s; 11s b won"},
		{"it may go on beside another", []upstream{{after: 12 * second}, {}}, 0, 2, 100, "0s a asked; 10s b asked; 12s b outrun; 12s a won"},
		{"another in the place of one that failed", []upstream{{}, {second, broken}, {after: 2 * second}}, 2 * second, 2, 100,
			"0s a asked; 2s b asked; 3s b lost: broken; 3s c asked; 5s a outrun; 5s c won"},
		{"one that fails alone is told", []upstream{{second, broken}, {after: second}}, 0, 2, 100, "0s a asked; 1s a failed: broken"},
		{"the last failure is told", []upstream{{3 * second, broken}, {2 * second, broken}}, 2 * second, 2, 100,
			"0s a asked; 2s b asked; 3s a lost: broken; 4s b failed: broken"},
		{"nobody else to ask", []upstream{{}}, 0, 2, 100, "0s a asked; 10s a failed: waiting: no answer within 10s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &field{upstreams: c.upstreams, delay: c.delay, began: time.Now()}
				var share HedgeShare
				share.Asked(c.share)
				r := Race{Racer: f, Most: c.most, Share: &share}
				if won, err := r.Run(f.Beside()); err != nil {
					f.say("failed: " + err.Error())
				} else if f.say("won"); won != f.asked[f.hand] {
					t.Error("another one is in hand than has won")
				}
				if got := strings.Join(f.told, "; "); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// No more requests than their share have a second attempt.
func TestHedgeShareIsKept(t *testing.T) {
	var s HedgeShare
	taken := 0
	for range 1000 {
		s.Asked(5)
		if s.take() {
			taken++
		}
	}
	if taken != 50 {
		t.Errorf("%d of 1000", taken)
	}
}
