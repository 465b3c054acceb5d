package pool

import (
	"testing"
	"time"
)

func TestWhatIsTooShortForAnAnswer(t *testing.T) {
	const ms = time.Millisecond
	many := func(n int, took time.Duration) (all []time.Duration) {
		for range n {
			all = append(all, took)
		}
		return all
	}
	for _, tt := range []struct {
		name              string
		answers, refusals []time.Duration
		answer, refusal   time.Duration // what is too short for them
	}{
		{name: "nothing is known"},
		{name: "too few are known", answers: many(few-1, 100*ms)},
		{name: "a few are known", answers: []time.Duration{100 * ms, 80 * ms, 120 * ms}, answer: 40 * ms, refusal: 40 * ms},
		{name: "a few long ones are known", answers: many(enough-1, 20*time.Second), answer: hasty, refusal: hasty},
		{name: "many long ones are known", answers: many(enough, 20*time.Second), answer: 10 * time.Second, refusal: 10 * time.Second},
		{name: "one was quick", answers: append(many(enough, 20*time.Second), 30*ms), answer: 15 * ms, refusal: 15 * ms},
		{name: "too quick to tell", answers: many(enough, 2*discernible-1)},
		{name: "quick", answers: many(enough, 2*discernible), answer: discernible, refusal: discernible},
		{name: "a quick refusal takes nothing from answers", answers: many(few, 300*ms), refusals: many(1, 20*ms), answer: 150 * ms, refusal: 10 * ms},
		{name: "a slow refusal may be followed by a quicker one", answers: many(few, 300*ms), refusals: many(9, 30*time.Second), answer: 150 * ms, refusal: 150 * ms},
		{name: "refusals alone", refusals: many(few, 50*ms), refusal: 25 * ms},
		{name: "refusals too quick to tell", answers: many(few, 300*ms), refusals: many(few, 9*ms), answer: 150 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p Pace
			for _, took := range tt.answers {
				p.learn(false, int64(took))
			}
			for _, took := range tt.refusals {
				p.learn(true, int64(took))
			}
			answer, refusal := time.Duration(p.tooShort(false)), time.Duration(p.tooShort(true))
			if answer != tt.answer || refusal != tt.refusal {
				t.Errorf("%v for an answer and %v for a refusal, want %v and %v", answer, refusal, tt.answer, tt.refusal)
			}
		})
	}
	var none *Pace
	none.learn(false, 1)
	if none.tooShort(false) != 0 {
		t.Error("without a Pace something is too short")
	}
}
