package usage

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"uniapi/codec/saturate"
)

// Restored says what Restore has taken over.
type Restored struct {
	Rows, Keys int // Keys had credits added
}

// Restore puts what Export wrote into a ledger that has nothing of it yet: a file that is new, or a common ledger in
// which none of its instances has counted anything. What a file of one process has becomes that of Options.Instance
// there.
func Restore(o Options, from io.Reader) (done Restored, err error) {
	o = o.offline()
	opened, err := OpenLedger(o)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	switch l := opened.(type) {
	case *localLedger:
		r := restoring{index: l.journal.index, fresh: true, seen: map[string]writer{}, now: o.Now()}
		err = l.store.update(func(w writer) error {
			there := extents{extentOf(w, minute), extentOf(w, hour), extentOf(w, day)}
			if there.any() {
				return errNotEmpty
			}
			r.common, r.of = w, func(string) (writer, error) { return w, nil }
			if err := r.all(from); err != nil {
				return err
			}
			for number := l.journal.saved; number < len(r.index.names); number++ {
				if err := putName(w, uint32(number), r.index.names[number]); err != nil {
					return err
				}
			}
			return nil
		})
		done = r.done
	case *sharedLedger:
		err = l.alone(context.Background(), func(w *sharedTx, m *marks, index *index) error {
			counted, err := w.counted()
			if err != nil {
				return err
			}
			var opened []*sharedTx
			r := restoring{index: index, common: w, fresh: len(counted) == 0, marks: *m, seen: map[string]writer{}, now: o.Now()}
			r.of = func(instance string) (writer, error) {
				of, err := w.of(cmp.Or(instance, l.instance))
				if err != nil {
					return nil, err
				}
				opened = append(opened, of)
				if counted[of.instance] {
					return nil, fmt.Errorf("%w: %s has counted there. Another name for what comes from a file is preferences.cluster.instance, or --instance", errNotEmpty, cmp.Or(instance, l.instance))
				}
				return of, nil
			}
			err = r.all(from)
			for _, of := range opened {
				err = errors.Join(err, of.err)
			}
			done = r.done
			return err
		})
	}
	return done, err
}

// errNotEmpty is that what is restored would be counted beside what is there.
var errNotEmpty = errors.New("this ledger has counted something already")

// restoring is a Restore under way.
type restoring struct {
	index   *index
	common  writer
	of      func(instance string) (writer, error) // for the spans of an instance, once for each
	seen    map[string]writer
	fresh   bool  // there are no spans: those of the export are complete as they are
	marks   marks // of the ledger, unless it is fresh
	theirs  marks
	now     time.Time
	derived map[spanIn]*span // what the ledger has longer spans of, and the export has not yet
	done    Restored

	open  spanIn // the rows of a batch stand one behind the other
	k     Kind
	batch *span
}

type spanIn struct {
	instance   string
	length, at int64
}

const (
	longestLine = 1 << 20
	// mostInstances is how many instances an export may tell of: nothing is delivered while each is looked up.
	mostInstances   = 5000
	longestInstance = 255
)

// errToCome is that something was counted at a time that is yet to come. A ledger that has it would have no spans up to
// then that are complete, and looks through all of them.
var errToCome = errors.New("that time is still to come; one of the clocks is wrong, or the file has been changed")

// toCome says whether a time is later than any clock that is right may be ahead.
func (r *restoring) toCome(at int64) bool { return at > r.now.Add(24*time.Hour).Unix() }

func (r *restoring) all(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	r.derived = map[spanIn]*span{}
	n := 0
	for lines.Scan() {
		n++
		var line transferred
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if (n == 1) != (line.Ledger != "") {
			return fmt.Errorf("line %d: the first line, and no other, must be {\"ledger\":%q,…}, as uni-api ledger export writes it", n, transferName)
		}
		if err := r.take(&line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes, as none of an export is", n+1, longestLine)
	} else if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("the file is empty")
	}
	return r.end()
}

func (r *restoring) take(line *transferred) error {
	switch {
	case strings.Contains(line.Instance+line.Credits+line.Correction, "\x00"):
		return errors.New("a name in it has a NUL, which none has") // nor can tables hold it
	case line.Ledger != "":
		if line.Ledger != transferName || line.Version != transferVersion || line.Marks == nil {
			return errors.New("it was written by another program, or a newer version of uni-api")
		}
		m := line.Marks
		r.theirs = marks{m[0], m[1], m[2], m[3], m[4], m[5]}
		if !r.theirs.possible() {
			return errMarks
		}
		if r.toCome(r.theirs.HoursTo) {
			return fmt.Errorf("the export says that it has hours up to %s: %w", time.Unix(r.theirs.HoursTo, 0).UTC(), errToCome)
		}
		if r.fresh {
			r.marks = r.theirs
		} else if r.theirs.HoursTo > r.marks.HoursTo {
			return errors.New("the export is of hours that are not over in this ledger yet: do it again in an hour")
		}
		return nil
	case line.Span != "":
		return r.row(line)
	case line.Credits != "":
		had, err := amount(r.common.get(tableCredits, []byte(line.Credits)))
		if err != nil {
			had = 0
		}
		if r.done.Keys++; line.Nano < 0 {
			return errAmount
		}
		return r.common.put(tableCredits, []byte(line.Credits), binary.BigEndian.AppendUint64(nil, uint64(saturate.Add(had, line.Nano))))
	case line.Correction != "":
		var c Correction
		if err := json.Unmarshal(line.Said, &c); err != nil {
			return err
		}
		return r.common.put(tableCorrections, freeCorrectionKey(r.common, line.Correction, c.At), line.Said)
	case line.Imported != nil:
		if json.Unmarshal(line.Imported, new(importMark)) != nil {
			return errors.New("nobody knows what was imported before")
		}
		return r.common.put(tableMeta, keyImported, line.Imported)
	}
	return errors.New("nobody knows what it is")
}

// row takes a row.
func (r *restoring) row(line *transferred) error {
	s := spanIn{instance: line.Instance}
	for length, name := range spanNames {
		if name == line.Span {
			s.length = length
		}
	}
	var k Kind
	for kind, name := range kindNames {
		if name == line.Of {
			k = kind
		}
	}
	if s.length == 0 || k == 0 || line.At == nil || len(line.Name) != 4 {
		return errors.New("this is no row of a ledger")
	}
	if s.at = line.At.Unix(); s.at < 0 || s.at >= mostTime || s.at%s.length != 0 {
		return fmt.Errorf("no %s begins at %s", line.Span, line.At)
	}
	if r.toCome(s.at) {
		return fmt.Errorf("a row of %s: %w", line.At, errToCome)
	}
	c, err := line.row()
	if err != nil {
		return err
	}
	if s != r.open || k != r.k || r.batch == nil {
		if err := r.flush(); err != nil {
			return err
		}
		r.open, r.k, r.batch = s, k, newSpan()
	}
	r.done.Rows++
	name := nameOf(k, [4]string(line.Name)).bounded()
	r.add(r.batch, name, c)
	for _, longer := range r.longer(s) {
		if r.derived[longer] == nil {
			r.derived[longer] = newSpan()
		}
		r.add(r.derived[longer], name, c)
	}
	return nil
}

func (r *restoring) add(s *span, n Name, c *Counts) {
	if n.Kind == ofClients {
		s.clients[n.Who] = saturate.Add(s.clients[n.Who], c.Row[requests])
		return
	}
	s.rows[n.Kind].at(r.index.number(n)).add(c)
}

// longer are the spans that a row is in, that this ledger has and the export does not have yet.
func (r *restoring) longer(s spanIn) (list []spanIn) {
	in := func(length int64) spanIn { return spanIn{s.instance, length, begin(s.at, length)} }
	if s.length == minute && s.at >= r.theirs.HoursTo && s.at < r.marks.HoursTo {
		list = append(list, in(hour))
	}
	if s.at >= r.theirs.DaysTo && s.at < r.marks.DaysTo && (s.length == hour || s.length == minute && s.at >= r.theirs.HoursTo) {
		list = append(list, in(day))
	}
	return list
}

func (line *transferred) row() (*Counts, error) {
	c := new(Counts)
	for name, n := range line.Counts {
		field := slices.Index(columnNames[:], name)
		if field < 0 || n < 0 {
			return nil, fmt.Errorf("there can be no %s of %d", name, n)
		}
		c.Row[field] = n
	}
	for which, buckets := range [...]map[int]int64{firstByte: line.FirstByte, duration: line.Duration} {
		for i, n := range buckets {
			if i < 0 || i >= HistogramBuckets || n < 0 {
				return nil, fmt.Errorf("there can be no bucket %d of %d", i, n)
			}
			c.histogram(which)[i] = n
		}
	}
	return c, nil
}

// flush writes the batch.
func (r *restoring) flush() error {
	if r.batch == nil {
		return nil
	}
	return r.put(r.open, r.k, r.batch)
}

func (r *restoring) put(s spanIn, k Kind, batch *span) error {
	w := r.seen[s.instance]
	if w == nil {
		if len(r.seen) == mostInstances {
			return fmt.Errorf("it is of more than %d instances; give those that are gone one name together, as \"instance\" in its lines", mostInstances)
		}
		if len(s.instance) > longestInstance {
			return fmt.Errorf("the name of an instance has %d bytes; %d are the most", len(s.instance), longestInstance)
		}
		var err error
		if w, err = r.of(s.instance); err != nil {
			return err
		}
		r.seen[s.instance] = w
	}
	if had := w.get(spanTable(s.length, k), spanKey(s.at)); had != nil { // of another instance, or what was derived
		d := decoderOf(len(r.index.names))
		if err := batch.addBatch(&d, string(rune(k)), had); err != nil {
			return err
		}
	}
	return putSpan(w, s.length, k, s.at, batch.batch(k))
}

func (r *restoring) end() error {
	if err := r.flush(); err != nil {
		return err
	}
	for s, batch := range r.derived {
		for _, k := range allKinds {
			if len(batch.batch(k)) > 0 {
				if err := r.put(s, k, batch); err != nil {
					return err
				}
			}
		}
	}
	m := r.marks
	m.Origin, m.DaysFrom, m.HoursFrom = min(m.Origin, r.theirs.Origin), min(m.DaysFrom, r.theirs.DaysFrom), min(m.HoursFrom, r.theirs.HoursFrom)
	return m.write(r.common)
}
