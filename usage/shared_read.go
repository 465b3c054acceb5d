package usage

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"uniapi/codec/saturate"
)

// sharedView is a View of the common ledger, together with what waits here.
type sharedView struct {
	ctx      context.Context
	tx       pgx.Tx // nil is that the database cannot be asked: there is only what waits
	marks    marks
	names    []Name
	instance string // the only one that is asked for; "" is all
	end      int64
	waiting  []*piece
	local    []Name // by the numbers of what waits

	decoder decoder
	unread  int   // rows that cannot be read
	broken  error // of the database, while it was asked
}

// Read implements Ledger. While the database is away, ask sees what waits here, and the error is an ErrAway.
func (l *sharedLedger) Read(ctx context.Context, now time.Time, kinds []Kind, ask func(View) error) error {
	return l.readOf(ctx, now, "", ask)
}

// readOf is Read of one instance alone; "" is all.
func (l *sharedLedger) readOf(ctx context.Context, now time.Time, instance string, ask func(View) error) error {
	l.mu.Lock()
	v := &sharedView{ctx: ctx, instance: instance, local: l.box.index.names, end: minuteOf(now) + 2*minute}
	if instance == "" || instance == l.instance {
		v.waiting = l.box.listed()
	}
	away := l.awayErr
	l.mu.Unlock()
	err := away
	if err == nil {
		err = l.prepared(ctx)
	}
	answered := false
	var asked error
	if err == nil {
		err = l.server.do(ctx, readOnly, func(tx pgx.Tx) error {
			v.tx = tx
			if err := v.begin(l); err != nil {
				return err
			}
			answered = true
			if asked = ask(v); asked != nil && v.broken == nil {
				return errAsked
			}
			return asked
		})
	}
	if errors.Is(err, errAsked) {
		return asked
	}
	if v.unread > 0 {
		l.log.Error("rows of the common ledger cannot be read; the answer is without them", "database", l.server.at, "rows", v.unread)
	}
	if err == nil || answered && !errors.Is(err, errAway) {
		return err
	}
	if !errors.Is(err, errAway) {
		err = errors.Join(errAway, err)
	}
	v.tx, v.broken, v.marks = nil, nil, startMarks(now.Unix())
	for _, p := range v.waiting {
		v.marks = startMarks(min(v.marks.Origin, p.at))
	}
	return errors.Join(err, ask(v))
}

// begin reads what a question needs.
func (v *sharedView) begin(l *sharedLedger) error {
	now, err := l.clock(v.ctx, v.tx)
	if err != nil {
		return err
	}
	v.end = max(v.end, begin(now, minute)+2*minute)
	var value []byte
	if err := v.tx.QueryRow(v.ctx, `SELECT value FROM uniapi.meta WHERE key = 'marks'`).Scan(&value); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	var found bool
	if v.marks, found, err = parseMarks(value); err != nil {
		return err
	} else if !found {
		v.marks = startMarks(now)
	}
	if err := l.tables.learn(v.ctx, v.tx); err != nil {
		return err
	}
	l.tables.mu.Lock()
	v.names = l.tables.index.names
	l.tables.mu.Unlock()
	return v.leaveOut()
}

// leaveOut forgets what was waiting and has been delivered before this moment.
func (v *sharedView) leaveOut() error {
	if len(v.waiting) == 0 {
		return nil
	}
	rows, err := v.tx.Query(v.ctx, `SELECT id, batch FROM uniapi.runs`)
	if err != nil {
		return err
	}
	last := map[run]int64{}
	var id [16]byte
	var batch int64
	if _, err := pgx.ForEachRow(rows, []any{&id, &batch}, func() error {
		last[run(id)] = batch
		return nil
	}); err != nil {
		return err
	}
	var left []*piece
	for _, p := range v.waiting {
		if p.number > last[p.run] {
			left = append(left, p)
		}
	}
	v.waiting = left
	return nil
}

// End implements View.
func (v *sharedView) End() int64 { return v.end }

// Aligned implements View.
func (v *sharedView) Aligned(k Kind, from int64) int64 {
	r := v.plan()
	return r.Aligned(k, from)
}

// plan is what tells which spans answer a question.
func (v *sharedView) plan() *reading {
	r := &reading{marks: v.marks, end: v.end}
	for _, p := range v.waiting {
		today := begin(p.at, day)
		r.marks.Origin, r.marks.DaysFrom = min(r.marks.Origin, today), min(r.marks.DaysFrom, today)
	}
	return r
}

// sharedSums are what the rows of series go into, found once for each.
type sharedSums struct {
	of   func(Name) *Counts
	seen map[Name]*Counts
}

func (s *sharedSums) sum(n Name) *Counts {
	if n.Kind == ofNothing {
		return nil
	}
	sum, known := s.seen[n]
	if !known {
		sum = s.of(n)
		s.seen[n] = sum
	}
	return sum
}

// Scan implements View.
func (v *sharedView) Scan(q Question, begun func(at, length int64), of func(Name) *Counts) error {
	plan := v.plan()
	sums := &sharedSums{of, map[Name]*Counts{}}
	bySeries := make([]*Counts, len(v.names))
	asked := make([]bool, len(v.names))
	byNumber := func(number uint32) *Counts {
		if int(number) >= len(bySeries) {
			return nil
		}
		if !asked[number] {
			bySeries[number], asked[number] = sums.sum(v.names[number]), true
		}
		return bySeries[number]
	}
	end := min(q.To, v.end)
	t := begin(max(q.From, plan.first(q.Kind)), minute)
	for t < end {
		// A stretch of spans of one length is one question to the database.
		length := plan.spanAt(t, end, q.Longest)
		t = begin(t, length)
		stretch := t + length
		for stretch < end && plan.spanAt(stretch, end, q.Longest) == length {
			stretch += length
		}
		if v.broken = v.stretch(&q, length, t, stretch, begun, byNumber, sums); v.broken != nil {
			return v.broken
		}
		t = stretch
	}
	return nil
}

// stretch adds the spans of a length in [from, to).
func (v *sharedView) stretch(q *Question, length, from, to int64, begun func(at, length int64), byNumber func(uint32) *Counts, sums *sharedSums) error {
	t := from
	told := false
	tell := func(upto int64) { // all spans before a time are complete
		for ; t < upto; t += length {
			if !told && begun != nil {
				begun(t, length)
			}
			v.addWaiting(q, t, length, sums)
			told = false
		}
	}
	if v.tx == nil {
		tell(to)
		return nil
	}
	rows, err := v.tx.Query(v.ctx, `SELECT extract(epoch FROM at)::bigint, rows FROM uniapi.`+tableOf(length, q.Kind)+` WHERE at >= $1 AND at < $2 AND kind = $3
		AND ($4 = '' OR instance = (SELECT id FROM uniapi.instances WHERE name = $4)) ORDER BY at`,
		time.Unix(from, 0), time.Unix(to, 0), string(rune(q.Kind)), v.instance)
	if err != nil {
		return err
	}
	var at int64
	var batch []byte
	if _, err := pgx.ForEachRow(rows, []any{&at, &batch}, func() error {
		tell(at)
		if !told && begun != nil {
			begun(at, length)
		}
		told = true
		if err := v.add(q, batch, byNumber, sums); err != nil {
			v.unread++
		}
		return nil
	}); err != nil {
		return err
	}
	tell(to)
	return nil
}

func (v *sharedView) add(q *Question, batch []byte, byNumber func(uint32) *Counts, sums *sharedSums) error {
	if q.Kind != ofClients {
		return v.decoder.add(batch, q.Columns, byNumber)
	}
	span := addresses{}
	if err := span.add(batch); err != nil {
		return err
	}
	span.into(sums)
	return nil
}

func (a addresses) into(sums *sharedSums) {
	for address, n := range a {
		if sum := sums.sum(Name{Kind: ofClients, Who: address}); sum != nil {
			sum.Row[requests] = saturate.Add(sum.Row[requests], n)
		}
	}
}

// addWaiting adds what waits here of a span.
func (v *sharedView) addWaiting(q *Question, at, length int64, sums *sharedSums) {
	for _, p := range v.waiting {
		if p.at < at || p.at >= at+length {
			continue
		}
		if q.Kind == ofClients {
			p.span.clients.into(sums)
			continue
		}
		for number, c := range p.span.rows[q.Kind] {
			if int(number) < len(v.local) {
				if sum := sums.sum(v.local[number]); sum != nil {
					sum.addOnly(c, q.Columns)
				}
			}
		}
	}
}

// addOnly adds some columns.
func (c *Counts) addOnly(o *Counts, wanted Columns) {
	for field := range o.Row {
		if wanted&columnsOf(field) != 0 {
			c.Row[field] = saturate.Add(c.Row[field], o.Row[field])
		}
	}
	for which, h := range o.histograms {
		if h == nil || wanted&histogramColumn(which) == 0 {
			continue
		}
		to := c.histogram(which)
		for i, n := range h {
			to[i] = saturate.Add(to[i], n)
		}
	}
}

// readDelivered asks what the tables have, without what waits here.
func (l *sharedLedger) readDelivered(ctx context.Context, now time.Time, ask func(*sharedView) error) error {
	return l.askWith(ctx, now, nil, ask)
}

// readBefore asks what the tables have, and what processes before this one have left here for them.
func (l *sharedLedger) readBefore(ctx context.Context, now time.Time, ask func(*sharedView) error) error {
	return l.askWith(ctx, now, l.older(), ask)
}

func (l *sharedLedger) askWith(ctx context.Context, now time.Time, waiting []*piece, ask func(*sharedView) error) error {
	l.mu.Lock()
	v := &sharedView{ctx: ctx, end: minuteOf(now) + 2*minute, waiting: waiting, local: l.box.index.names}
	l.mu.Unlock()
	return l.ask(ctx, func(tx pgx.Tx) error {
		v.tx = tx
		if err := v.begin(l); err != nil {
			return err
		}
		return ask(v)
	})
}

// knows says whether an instance of a name has ever shared the ledger.
func (l *sharedLedger) knows(ctx context.Context, instance string) (known bool, err error) {
	err = l.ask(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM uniapi.instances WHERE name = $1)`, instance).Scan(&known)
	})
	return known, err
}

// roster is who shares a ledger, as it was told last.
type roster struct {
	mu    sync.Mutex
	names []string
	asked time.Time
}

const (
	mostNames = 200 // of instances, the newest
	namesFor  = 10 * time.Second
)

// instances are the names of all that have ever shared the ledger. They are asked for now and then: a page that shows
// them asks again and again.
func (l *sharedLedger) instances(ctx context.Context) []string {
	r := &l.roster
	r.mu.Lock()
	known, fresh := r.names, time.Since(r.asked) < namesFor
	if !fresh {
		r.asked = time.Now() // who asks meanwhile, or while the database is away, is told what is known
	}
	r.mu.Unlock()
	if fresh {
		return known
	}
	var names []string
	err := l.ask(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name FROM (SELECT id, name FROM uniapi.instances ORDER BY id DESC LIMIT $1) AS newest ORDER BY name`, mostNames)
		if err != nil {
			return err
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = names
	return names
}
