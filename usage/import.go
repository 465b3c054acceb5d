package usage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// Imported says what an import has taken over.
type Imported struct {
	Requests int
	LeftOut  int   // rows without a model: lists that were asked for, pages
	Known    int   // rows that an import before had taken over
	Keys     int   // how many client keys they are of
	Cost     int64 // nano-dollars
	From, To time.Time
}

// ErrInUse is that another process has the ledger open.
var ErrInUse = errors.New("it is in use")

// importMark is what the ledger keeps of imports, so that what is imported again is not counted again.
type importMark struct {
	First string `json:"first"` // names the table: its first row, hashed
	Last  int64  `json:"last"`  // the id of the last row that was taken over
}

var keyImported = []byte("imported")

// Import takes the history of the Python uni-api over into the ledger of a gateway that does not run: what its table
// request_stats has, as CSV. All of it is taken over or, after an error, nothing. An export of the same table that was
// made later adds what has come since; one of another table is refused, since nobody could tell whether it is a copy.
// The configuration tells the cost of rows that have no prices of their own.
func Import(o Options, cfg *config.Config, r io.Reader) (done Imported, err error) {
	source, err := newPastReader(r)
	if err != nil {
		return done, err
	}
	o = o.offline()
	l, err := OpenLedger(o)
	if err != nil {
		return done, err
	}
	defer func() {
		if closing := l.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
	}()
	i := importing{prices: NewPrices(cfg), now: o.Now(), minutes: map[int64]*span{}, hours: map[int64]*span{}, keys: map[string]bool{}}
	switch l := l.(type) {
	case *localLedger:
		i.index, i.marks = l.journal.index, l.marks
		if err = l.store.view(i.begin); err != nil {
			break
		}
		if err = i.takeAll(source); err == nil && !i.nothingNew() {
			err = l.store.update(func(w writer) error {
				for number := l.journal.saved; number < len(i.index.names); number++ {
					if err := putName(w, uint32(number), i.index.names[number]); err != nil {
						return err
					}
				}
				return i.write(w)
			})
		}
	case *sharedLedger:
		err = l.alone(context.Background(), func(w *sharedTx, m *marks, index *index) error {
			w, err := w.of(importedInstance)
			if err != nil {
				return err
			}
			i.index, i.marks = index, *m
			if err := errors.Join(i.begin(w), w.err); err != nil {
				return err
			}
			if err := i.takeAll(source); err != nil || i.nothingNew() {
				return err
			}
			return errors.Join(i.write(w), w.err)
		})
	}
	if err != nil {
		return Imported{}, err
	}
	return i.done, nil
}

// importedInstance is what the history of the Python uni-api is called in a ledger of several instances.
const importedInstance = "imported"

func (i *importing) takeAll(source *pastReader) error {
	for {
		row, err := source.next()
		if errors.Is(err, io.EOF) {
			i.done.Keys = len(i.keys)
			return nil
		}
		if err == nil {
			err = i.take(&row)
		}
		if err != nil {
			return err
		}
	}
}

func (i *importing) nothingNew() bool { return i.mark == i.before }

// importing is an import under way.
type importing struct {
	index        *index
	marks        marks
	prices       *Prices
	now          time.Time
	before, mark importMark
	rows         int
	series       int             // that the ledger has not had before
	minutes      map[int64]*span // those that no hour has been made of
	hours        map[int64]*span
	keys         map[string]bool
	done         Imported
}

func (i *importing) begin(r reader) error {
	value := r.get(tableMeta, keyImported)
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(value, &i.before); err != nil {
		return fmt.Errorf("what the ledger knows of an import before cannot be read: %w", err)
	}
	i.mark = i.before
	return nil
}

// take counts a row.
func (i *importing) take(p *past) error {
	if i.rows++; i.rows == 1 {
		first := hashOf(fmt.Sprint(p.id, " ", p.at, " ", p.secret, " ", p.model, " ", p.endpoint))
		if i.before.First != "" && i.before.First != first {
			return errors.New("another table was imported into this ledger before; what both have would be counted twice. Only a later export of the same table, from its first row on, can be added")
		}
		i.mark.First = first
	} else if p.id <= i.mark.Last && i.before.Last == 0 {
		return fmt.Errorf("line %d: the ids must ascend; export with ORDER BY id", p.line)
	}
	if p.id <= i.before.Last {
		i.done.Known++
		return nil
	}
	i.mark.Last = max(i.mark.Last, p.id)
	if p.model == "" || p.secret == "" {
		i.done.LeftOut++
		return nil
	}
	if !p.priced {
		p.sample.Cost = i.cost(p)
	}
	name, err := i.name(p)
	if err != nil {
		return err
	}
	c := countsOf(&p.sample)
	at := min(p.at, i.now.Unix())
	m := i.span(at)
	m.count(i.index, name, c)
	if p.address != "" {
		seen := &Counts{Row: Row{requests: 1}}
		m.count(i.index, Name{Kind: ofClients, Who: p.address}, seen)
	}
	i.keys[name.Who] = true
	i.done.Requests++
	i.done.Cost = saturate.Add(i.done.Cost, p.sample.Cost)
	if when := time.Unix(at, 0).UTC(); i.done.Requests == 1 {
		i.done.From, i.done.To = when, when
	} else if when.Before(i.done.From) {
		i.done.From = when
	} else if when.After(i.done.To) {
		i.done.To = when
	}
	return nil
}

// mostImported is how many series an import tells apart. Whoever made that history may have written down whatever
// models were asked for; all that a ledger has ever had is in the memory of its gateway.
const mostImported = 20_000

// name is the series of a request. Models that come late are told together, as a gateway does it.
func (i *importing) name(p *past) (Name, error) {
	n := Name{ofRequests, hashOf(p.secret), p.provider, p.model, p.endpoint}.bounded()
	if i.known(n) {
		return n, nil
	}
	if i.series >= mostImported {
		if n = n.ofOtherModels(); i.known(n) {
			return n, nil
		}
	}
	if i.series++; i.series > 2*mostImported {
		return n, fmt.Errorf("line %d: it has more than %d client keys, providers and endpoints beside each other; import the part that matters", p.line, mostImported)
	}
	return n, nil
}

func (i *importing) known(n Name) bool {
	_, known := i.index.numbers[n]
	return known
}

// cost is what a request cost by the configuration.
func (i *importing) cost(p *past) int64 {
	tokens := p.sample.Tokens
	tokens.At = p.at
	return Cost(priceBy(i.prices, p.provider, p.model).Price, tokens)
}

// span is what a time is counted in: the hour, if the ledger has made hours up to it already or has none of that time,
// else the minute.
func (i *importing) span(at int64) *span {
	spans, from := i.hours, begin(at, hour)
	if from >= i.marks.HoursTo {
		spans, from = i.minutes, begin(at, minute)
	}
	m := spans[from]
	if m == nil {
		m = newSpan()
		spans[from] = m
	}
	return m
}

// countsOf are the counts of one request.
func countsOf(s *Sample) *Counts {
	c := &Counts{Row: Row{
		requests: 1, promptTokens: s.Tokens.Prompt, completionTokens: s.Tokens.Completion, cost: s.Cost, totalTime: s.Duration.Microseconds(),
	}}
	if s.TTFT > 0 {
		c.Row[firstByteTime], c.Row[firstBytes] = s.TTFT.Microseconds(), 1
	}
	if !s.Success {
		c.Row[failures] = 1
		return c
	}
	if s.TTFT > 0 {
		c.histogram(firstByte)[bucketOf(s.TTFT)]++
	}
	if s.Duration > 0 {
		c.histogram(duration)[bucketOf(s.Duration)]++
	}
	return c
}

// write adds everything to what the ledger has, in one transaction.
func (i *importing) write(w writer) error {
	days := map[int64]*span{}
	marks := i.marks
	for at, m := range i.hours {
		if at < marks.DaysTo {
			today := begin(at, day)
			if days[today] == nil {
				days[today] = newSpan()
			}
			days[today].merge(m)
		}
		first := begin(at, day)
		marks.Origin, marks.DaysFrom, marks.HoursFrom = min(marks.Origin, first), min(marks.DaysFrom, first), min(marks.HoursFrom, first)
	}
	var lost damages
	for _, of := range [...]struct {
		length int64
		spans  map[int64]*span
	}{{minute, i.minutes}, {hour, i.hours}, {day, days}} {
		for at, m := range of.spans {
			sum := readSpans(w, of.length, at, at+of.length, &lost)
			sum.merge(m)
			if err := sum.write(w, of.length, at); err != nil {
				return err
			}
		}
	}
	if err := lost.setAside(w, i.now); err != nil {
		return err
	}
	if err := marks.write(w); err != nil {
		return err
	}
	value, err := json.Marshal(i.mark)
	if err != nil {
		return err
	}
	return w.put(tableMeta, keyImported, value)
}
