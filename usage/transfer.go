package usage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// transferred is a line of an exported ledger. One member that is no number says what it is: Ledger is the first line,
// Span a row, Credits what was added to a key, Correction how that came about, Imported what was taken over of the
// Python uni-api.
type transferred struct {
	Ledger  string    `json:"ledger,omitempty"`
	Version int       `json:"version,omitempty"`
	Marks   *[6]int64 `json:"marks,omitempty"` // from when to when the ledger has spans, in seconds since 1970

	Span      string           `json:"span,omitempty"` // minute, hour or day
	At        *time.Time       `json:"at,omitempty"`
	Instance  string           `json:"instance,omitempty"`
	Of        string           `json:"of,omitempty"`
	Name      []string         `json:"name,omitempty"`
	Counts    map[string]int64 `json:"counts,omitempty"`
	FirstByte map[int]int64    `json:"first_byte_buckets,omitempty"`
	Duration  map[int]int64    `json:"duration_buckets,omitempty"`

	Credits    string          `json:"credits,omitempty"` // hash of a client key
	Nano       int64           `json:"nano_dollars,omitempty"`
	Correction string          `json:"correction,omitempty"` // hash of a client key
	Said       json.RawMessage `json:"said,omitempty"`
	Imported   json.RawMessage `json:"imported,omitempty"`
}

const (
	transferName    = "uni-api"
	transferVersion = 1
)

// columnNames are those of a Row's fields in an export.
var columnNames = [fieldCount]string{"requests", "failures", "estimated", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens",
	"cost_nano_dollars", "first_byte_microseconds", "first_bytes", "total_microseconds", "plain_requests", "free_requests", "cache_write_1h_tokens", "audio_input_tokens",
	"image_input_tokens", "audio_output_tokens", "image_output_tokens", "searches", "file_searches", "images", "sound_seconds", "spoken_characters", "code_calls", "document_searches", "map_answers"}

var kindNames = map[Kind]string{ofRequests: "requests", ofChannels: "channels", ofKeys: "keys", ofAttempts: "attempts", ofClients: "clients", ofParts: "parts"}

var spanNames = map[int64]string{minute: "minute", hour: "hour", day: "day"}

// Export writes all that a ledger has as JSON Lines, the same for the same ledger. That of one process must not be in
// use.
func Export(o Options, to io.Writer) (err error) {
	o = o.offline()
	opened, err := OpenLedger(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	out := bufio.NewWriterSize(to, 1<<16)
	e := exporting{json.NewEncoder(out)}
	switch l := opened.(type) {
	case *localLedger:
		err = l.store.view(func(r reader) error {
			return errors.Join(e.head(l.marks), e.spans(r, "", l.journal.index.names), e.accounts(r))
		})
	case *sharedLedger:
		ctx := context.Background()
		err = l.readDelivered(ctx, o.Now(), func(v *sharedView) error {
			w := &sharedTx{ctx: ctx, tx: v.tx, server: l.server, named: func() int { return len(v.names) }}
			names, err := w.instances()
			if err = errors.Join(err, e.head(v.marks)); err != nil {
				return err
			}
			for _, name := range names {
				if err := v.tx.QueryRow(ctx, `SELECT id FROM uniapi.instances WHERE name = $1`, name).Scan(&w.instance); err != nil {
					return err
				}
				if err := e.spans(w, name, v.names); err != nil || w.err != nil {
					return errors.Join(err, w.err)
				}
			}
			return errors.Join(e.accounts(w), w.err)
		})
	}
	return errors.Join(err, out.Flush())
}

type exporting struct{ out *json.Encoder }

func (e *exporting) head(m marks) error {
	return e.out.Encode(transferred{Ledger: transferName, Version: transferVersion, Marks: &[6]int64{m.Origin, m.MinutesFrom, m.HoursFrom, m.HoursTo, m.DaysFrom, m.DaysTo}})
}

func (e *exporting) spans(r reader, instance string, names []Name) error {
	for _, length := range [...]int64{minute, hour, day} {
		for _, k := range allKinds {
			if err := r.each(spanTable(length, k), func(key, batch []byte) error {
				at, ok := spanAt(key)
				if !ok {
					return nil
				}
				when := time.Unix(at, 0).UTC()
				return e.batch(transferred{Span: spanNames[length], At: &when, Instance: instance, Of: kindNames[k]}, k, batch, names)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *exporting) batch(line transferred, k Kind, batch []byte, names []Name) error {
	s, d := newSpan(), decoderOf(len(names))
	if err := s.addBatch(&d, string(rune(k)), batch); err != nil {
		return fmt.Errorf("the %s that the ledger has of the %s %s: %w", line.Of, line.Span, line.At.Format(time.RFC3339), err)
	}
	byName := map[Name]*Counts{}
	for number, c := range s.rows[k] {
		if int(number) < len(names) && names[number].Kind == k {
			byName[names[number]] = c
		}
	}
	for address, n := range s.clients {
		byName[Name{Kind: ofClients, Who: address}] = &Counts{Row: Row{requests: n}}
	}
	for _, n := range slices.SortedFunc(maps.Keys(byName), func(a, b Name) int {
		of, other := a.words(), b.words()
		return slices.Compare(of[:], other[:])
	}) {
		c := byName[n]
		words := n.words()
		line.Name, line.Counts = words[:], map[string]int64{}
		for field, name := range columnNames {
			if c.Row[field] != 0 {
				line.Counts[name] = c.Row[field]
			}
		}
		line.FirstByte, line.Duration = c.histograms[firstByte].buckets(), c.histograms[duration].buckets()
		if err := e.out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (h *Histogram) buckets() map[int]int64 {
	if h == nil {
		return nil
	}
	all := map[int]int64{}
	for i, n := range h {
		if n != 0 {
			all[i] = n
		}
	}
	return all
}

func (e *exporting) accounts(r reader) error {
	if err := r.each(tableCredits, func(hash, value []byte) error {
		nano, err := amount(value)
		if err != nil {
			return err
		}
		return e.out.Encode(transferred{Credits: string(hash), Nano: nano})
	}); err != nil {
		return err
	}
	if err := r.each(tableCorrections, func(key, said []byte) error {
		hash, _, _ := strings.Cut(string(key), "\x00")
		return e.out.Encode(transferred{Correction: hash, Said: bytes.Clone(said)})
	}); err != nil {
		return err
	}
	if mark := r.get(tableMeta, keyImported); mark != nil {
		return e.out.Encode(transferred{Imported: bytes.Clone(mark)})
	}
	return nil
}
