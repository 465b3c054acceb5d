package usage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Grouping says what a Timeline has a line for.
type Grouping string

// The groupings. The empty one is a single line for everything.
const (
	ByModel    Grouping = "model"
	ByProvider Grouping = "provider"
	ByKey      Grouping = "key"
	// ByAttempts is by the provider that was tried, whether or not another one answered in the end. There are only
	// counts of attempts, and of those that failed.
	ByAttempts Grouping = "attempts"
)

// grouped is what each grouping reads, and what it tells rows apart by.
var grouped = map[Grouping]struct {
	kind Kind
	of   func(Name) string
}{
	"":         {ofChannels, func(Name) string { return "" }},
	ByModel:    {ofChannels, func(n Name) string { return n.Model }},
	ByProvider: {ofChannels, func(n Name) string { return n.Provider }},
	ByKey:      {ofKeys, func(n Name) string { return n.Who }},
	ByAttempts: {ofAttempts, func(n Name) string { return n.Provider }},
}

// Line is one model, provider or client key over time.
type Line struct {
	Name   string  `json:"name"`   // of a key its alias, or a piece of its hash if it is no longer configured
	Total  Point   `json:"total"`  // of all its points, from the first step's beginning
	Points []Point `json:"points"` // in order; times at which nothing happened are left out
}

// Point is what was counted from a time for as long as the timeline's step. Times of answers are milliseconds of
// requests that succeeded, 0 if there were none.
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
	mostLines  = 60   // of a timeline; the rest become one
	worstLines = 20   // of these, for those that fail most
)

// restOfLines names the line of those beyond mostLines.
const restOfLines = "others"

// ErrTimeline is what is wrong with the question for a Timeline.
var ErrTimeline = errors.New("no such timeline")

// Timeline tells what happened from a time to another in steps, which begin at whole multiples of the step since 1970,
// UTC. There are minutes for two days, hours and days as long as the retention says; where only longer spans are left
// than a step, they count where they begin. With a secret it is of that client key alone; its times of answers are
// known of all models together only. Lines come with the most requests first. The error is an ErrTimeline.
func (st Statistics) Timeline(from, to time.Time, step time.Duration, group Grouping, secret string) ([]Line, error) {
	seconds := int64(step / time.Second)
	switch {
	case seconds <= 0 || seconds%minute != 0:
		return nil, fmt.Errorf("%w: step must be whole minutes, not %v", ErrTimeline, step)
	case (to.Unix()-from.Unix())/seconds >= mostPoints:
		return nil, fmt.Errorf("%w: %v in steps of %v are more than %d points", ErrTimeline, to.Sub(from), step, mostPoints)
	}
	k, of, err := st.books.grouping(group, secret)
	if err != nil {
		return nil, err
	}
	start, end, longest := begin(from.Unix(), seconds), minuteOf(to)+minute, longestIn(seconds)
	var list []Line
	st.read(func(v View) error {
		whole := newTally(columnsOf(requests, failures), of)
		if err := whole.scan(v, k, start, end, longest); err != nil {
			return err
		}
		lines := linesOf(whole.sums)
		at := start
		t := newTally(timelineColumns, func(n Name) (string, bool) {
			own, counted := of(n)
			return lines.name(own), counted
		})
		err := v.Scan(Question{k, start, end, longest, timelineColumns}, func(begun, _ int64) {
			if step := begin(begun, seconds); step != at {
				lines.point(at, t.sums)
				at = step
			}
		}, t.of)
		lines.point(at, t.sums)
		list = lines.totalled(start)
		return err
	}, k)
	st.books.named(group, list)
	return list, nil
}

// Sums are the totals of all lines that a Timeline of the same words would have if there were no most of them: without
// points, and without times of answers.
func (st Statistics) Sums(from, to time.Time, step time.Duration, group Grouping, secret string) ([]Line, error) {
	k, of, err := st.books.grouping(group, secret)
	if err != nil {
		return nil, err
	}
	seconds := int64(step / time.Second)
	start, list := begin(from.Unix(), max(seconds, 1)), []Line{}
	st.read(func(v View) error {
		t := newTally(sumColumns, of)
		if err := t.scan(v, k, start, minuteOf(to)+minute, longestIn(seconds)); err != nil {
			return err
		}
		list = list[:0]
		for _, sum := range sums[string](t.sums).sorted(cmp.Compare) {
			list = append(list, Line{Name: sum.key, Total: pointOf(start, sum.Counts), Points: []Point{}})
		}
		return nil
	}, k)
	st.books.named(group, list)
	return list, nil
}

// grouping is what is read for a group, of one client key or of all, and what tells its rows apart.
func (b *Books) grouping(group Grouping, secret string) (Kind, func(Name) (string, bool), error) {
	g, known := grouped[group]
	if !known {
		return 0, nil, fmt.Errorf("%w: by must be model, provider, key or attempts, not %q", ErrTimeline, group)
	}
	if secret == "" {
		return g.kind, func(n Name) (string, bool) { return g.of(n), true }, nil
	}
	if g.kind == ofAttempts {
		return 0, nil, fmt.Errorf("%w: attempts are not counted by client key", ErrTimeline)
	}
	only := hashOf(secret)
	if group == "" || group == ByKey { // these sums are the ones that have times of answers
		return ofKeys, func(n Name) (string, bool) { return g.of(n), n.Who == only }, nil
	}
	return ofRequests, func(n Name) (string, bool) { return g.of(n), n.Who == only }, nil
}

// named calls keys by their aliases.
func (b *Books) named(group Grouping, list []Line) {
	if group != ByKey {
		return
	}
	for i := range list {
		if list[i].Name != restOfLines {
			list[i].Name = b.alias(list[i].Name)
		}
	}
}

// longestIn is the longest span of the ledger of which a step is made.
func longestIn(seconds int64) int64 {
	longest := minute
	for _, length := range [...]int64{hour, day} {
		if seconds > 0 && seconds%length == 0 {
			longest = length
		}
	}
	return longest
}

var sumColumns = columnsOf(requests, failures, promptTokens, cachedTokens, completionTokens, cost)

var timelineColumns = columnsOf(requests, failures, promptTokens, cachedTokens, completionTokens, cost) | histogramColumn(firstByte) | histogramColumn(duration)

// lines are those of a timeline that is being made.
type lines struct {
	list   []Line
	totals []Counts // of each
	index  map[string]int
}

// linesOf chooses the lines: the busiest, and those that fail most, which would else be among the others.
func linesOf(all sums[string]) *lines {
	l := &lines{list: []Line{}, index: make(map[string]int)}
	sorted := all.sorted(cmp.Compare)
	for _, sum := range chosenLines(sorted) {
		l.index[sum.key] = len(l.list)
		l.list = append(l.list, Line{Name: sum.key, Points: []Point{}})
	}
	if len(sorted) > mostLines {
		l.index[restOfLines] = len(l.list)
		l.list = append(l.list, Line{Name: restOfLines, Points: []Point{}})
	}
	l.totals = make([]Counts, len(l.list))
	return l
}

// chosenLines are at most mostLines of those that are sorted by requests, and stay so: the last places are for what
// fails most.
func chosenLines(sorted []sum[string]) []sum[string] {
	if len(sorted) <= mostLines {
		return sorted
	}
	byFailures := func(a, b sum[string]) int { return cmp.Compare(b.Row[failures], a.Row[failures]) }
	rest := slices.Clone(sorted[mostLines-worstLines:])
	slices.SortStableFunc(rest, byFailures)
	chosen := append(slices.Clone(sorted[:mostLines-worstLines]), rest[:worstLines]...)
	slices.SortStableFunc(chosen, func(a, b sum[string]) int { return cmp.Compare(b.Row[requests], a.Row[requests]) })
	return chosen
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
