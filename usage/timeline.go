package usage

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Grouping says what a Timeline has a line for.
type Grouping string

// The groupings. The empty one is a single line for everything.
const (
	ByModel    Grouping = "model"
	ByProvider Grouping = "provider"
	ByKey      Grouping = "key"
)

// Line is one model, provider or client key over time.
type Line struct {
	Name   string  `json:"name"`   // of a key its alias, or a piece of its hash if it is no longer configured
	Total  Point   `json:"total"`  // of all its points, from the first step's beginning
	Points []Point `json:"points"` // in order; times at which nothing happened are left out
}

// Point is what was counted from a time for as long as the timeline's step. Times of answers are milliseconds of requests that
// succeeded, 0 if there were none.
type Point struct {
	Time       int64   `json:"time"` // seconds since 1970
	Requests   int64   `json:"requests"`
	Failures   int64   `json:"failures"`
	Prompt     int64   `json:"prompt_tokens"`
	Cached     int64   `json:"cached_tokens"`
	Completion int64   `json:"completion_tokens"`
	Cost       float64 `json:"cost"` // dollars
	TTFT50     float64 `json:"ttft_p50_ms"`
	TTFT95     float64 `json:"ttft_p95_ms"`
	Total50    float64 `json:"duration_p50_ms"`
	Total95    float64 `json:"duration_p95_ms"`
}

const (
	mostPoints = 2000 // of a line
	mostLines  = 30   // of a timeline; the rest become one
)

// restOfLines names the line of those beyond mostLines.
const restOfLines = "others"

// ErrTimeline is what is wrong with the question for a Timeline.
var ErrTimeline = errors.New("no such timeline")

// Timeline tells what happened from a time to another in steps, which begin at whole multiples of the step since 1970, UTC. There are
// minutes for two days, hours and days as long as the retention says; where only longer spans are left than a step, they count
// where they begin. Lines come with the most requests first. The error is an ErrTimeline.
func (b *Books) Timeline(from, to time.Time, step time.Duration, group Grouping) ([]Line, error) {
	seconds := int64(step / time.Second)
	k, of := ofChannels, map[Grouping]func(Name) string{
		"":         func(Name) string { return "" },
		ByModel:    func(n Name) string { return n.C },
		ByProvider: func(n Name) string { return n.B },
		ByKey:      func(n Name) string { return n.A },
	}[group]
	switch {
	case of == nil:
		return nil, fmt.Errorf("%w: by must be model, provider or key, not %q", ErrTimeline, group)
	case seconds <= 0 || seconds%minute != 0:
		return nil, fmt.Errorf("%w: step must be whole minutes, not %v", ErrTimeline, step)
	case (to.Unix()-from.Unix())/seconds >= mostPoints:
		return nil, fmt.Errorf("%w: %v in steps of %v are more than %d points", ErrTimeline, to.Sub(from), step, mostPoints)
	}
	if group == ByKey {
		k = ofKeys
	}
	longest := minute
	for _, length := range [...]int64{hour, day} {
		if seconds%length == 0 {
			longest = length
		}
	}
	start, end := begin(from.Unix(), seconds), minuteOf(to)+minute
	var list []Line
	b.read(func(v View) error {
		whole := newTally(columnsOf(requests), func(n Name) (string, bool) { return of(n), true })
		if err := whole.scan(v, k, start, end, longest); err != nil {
			return err
		}
		lines := linesOf(whole.sums)
		at := start
		t := newTally(timelineColumns, func(n Name) (string, bool) { return lines.name(of(n)), true })
		err := v.Scan(Question{k, start, end, longest, timelineColumns}, func(begun int64) {
			if step := begin(begun, seconds); step != at {
				lines.point(at, t.sums)
				at = step
			}
		}, t.of)
		lines.point(at, t.sums)
		list = lines.totalled(start)
		return err
	}, k)
	if group == ByKey {
		for i := range list {
			list[i].Name = b.alias(list[i].Name)
		}
	}
	return list, nil
}

var timelineColumns = columnsOf(requests, failures, promptTokens, cachedTokens, completionTokens, cost, fieldCount+firstByte, fieldCount+duration)

// lines are those of a timeline that is being made.
type lines struct {
	list   []Line
	totals []Counts // of each
	index  map[string]int
}

// linesOf chooses the lines, by what there was of them in all.
func linesOf(all sums[string]) *lines {
	l := &lines{list: []Line{}, index: make(map[string]int)}
	for i, sum := range all.sorted(cmp.Compare) {
		name := sum.key
		if i == mostLines {
			name = restOfLines
		}
		l.index[name] = i
		l.list = append(l.list, Line{Name: name, Points: []Point{}})
		if i == mostLines {
			break
		}
	}
	l.totals = make([]Counts, len(l.list))
	return l
}

// name is the line that something belongs to.
func (l *lines) name(own string) string {
	if _, is := l.index[own]; is {
		return own
	}
	return restOfLines
}

// point adds a point to each line, and empties the sums for the next.
func (l *lines) point(at int64, all sums[string]) {
	for name, c := range all {
		i, is := l.index[name]
		if !is || c.Row == (Row{}) { // a line is not there if its first request came after the lines were chosen
			continue
		}
		l.list[i].Points = append(l.list[i].Points, pointOf(at, c))
		l.totals[i].add(c)
		c.clear()
	}
}

// totalled are the lines when all their points are there.
func (l *lines) totalled(start int64) []Line {
	for i := range l.list {
		l.list[i].Total = pointOf(start, &l.totals[i])
	}
	return l.list
}

func pointOf(at int64, c *Counts) Point {
	ms := func(which int, q float64) float64 {
		return float64(c.histograms[which].Quantile(q).Microseconds()) / 1000
	}
	return Point{
		Time: at, Requests: c.Row[requests], Failures: c.Row[failures], Prompt: c.Row[promptTokens], Cached: c.Row[cachedTokens],
		Completion: c.Row[completionTokens], Cost: dollars(c.Row[cost]),
		TTFT50: ms(firstByte, 0.5), TTFT95: ms(firstByte, 0.95), Total50: ms(duration, 0.5), Total95: ms(duration, 0.95),
	}
}
