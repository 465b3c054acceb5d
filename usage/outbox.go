package usage

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// outboxFile is what has been counted here and is not in the common ledger yet, in the data folder: what a process that
// is killed leaves behind is delivered by the next one.
const outboxFile = "outbox.db"

const tablePieces = "pieces" // number in the file → a piece

// run is the life of a process, as the ledger knows it.
type run [16]byte

// piece is what is delivered at once: what was counted in a minute, or in several if the ledger was away for long.
type piece struct {
	seq    uint64 // its place in the file
	run    run    // of the process that counted it
	number int64  // of that process' pieces; a piece of a number is counted once
	at     int64  // the minute
	span   *span
	tried  bool // it may be in the ledger, and stays as it is
	saved  bool
}

// outbox is the file with the pieces, and their copies in memory.
type outbox struct {
	store  store
	run    run
	index  *index // numbers of series in this file
	named  int    // names that are in it
	pieces []*piece
	gone   []uint64 // delivered, still in the file
	seq    uint64
	number int64
}

var errOutbox = errors.New("what waits for the common ledger cannot be read")

// openOutbox opens it. What cannot be read of it is in lost.
func openOutbox(dir string, memory bool, lost *damages) (*outbox, error) {
	o := new(outbox)
	if _, err := rand.Read(o.run[:]); err != nil {
		return nil, err
	}
	if memory {
		o.store = newMemory()
	} else {
		file, err := openBolt(dir, outboxFile, func(w writer) error {
			switch have := w.get(tableMeta, keySchema); {
			case have == nil:
				return w.put(tableMeta, keySchema, []byte{outboxVersion})
			case len(have) != 1 || have[0] != outboxVersion:
				return errors.New("it was written by another version of uni-api; use that until it is delivered")
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		o.store = file
	}
	err := o.store.view(func(r reader) error {
		names, err := readNames(r, lengthened, lost)
		if err != nil {
			return err
		}
		o.index, o.named = indexOf(names), len(names)
		return r.each(tablePieces, func(key, value []byte) error {
			p, err := readPiece(key, value)
			if err != nil {
				lost.note(tablePieces, key, value, err)
				return nil
			}
			o.pieces, o.seq = append(o.pieces, p), p.seq
			return nil
		})
	})
	if err != nil {
		_ = o.store.close()
		return nil, fmt.Errorf("reading %s in %s: %w", outboxFile, dir, err)
	}
	return o, nil
}

// outboxVersion is that of the file's form.
const outboxVersion = 1

// bytes are a piece as it is written: the run, the number, the minute, and a batch for each kind behind its length.
func (p *piece) bytes() []byte {
	data := binary.BigEndian.AppendUint64(append([]byte(nil), p.run[:]...), uint64(p.number))
	data = binary.BigEndian.AppendUint64(data, uint64(p.at))
	for _, k := range allKinds {
		batch := p.span.batch(k)
		data = append(binary.AppendUvarint(data, uint64(len(batch))), batch...)
	}
	return data
}

func readPiece(key, data []byte) (*piece, error) {
	p := &piece{span: newSpan(), tried: true, saved: true}
	if len(key) != 8 || len(data) < len(p.run)+16 {
		return nil, errOutbox
	}
	p.seq = binary.BigEndian.Uint64(key)
	data = data[copy(p.run[:], data):]
	p.number, p.at = int64(binary.BigEndian.Uint64(data)), int64(binary.BigEndian.Uint64(data[8:]))
	if p.number <= 0 || p.at < 0 || p.at >= mostTime || p.at%minute != 0 {
		return nil, errOutbox
	}
	data = data[16:]
	var d decoder
	for _, k := range allKinds {
		size, err := uvarint(&data)
		if err != nil || size > uint64(len(data)) {
			return nil, errOutbox
		}
		batch := data[:size]
		data = data[size:]
		if k == ofClients {
			err = p.span.clients.add(batch)
		} else {
			err = d.add(batch, allColumns, p.span.rows[k].at)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(data) > 0 {
		return nil, errOutbox
	}
	return p, nil
}

// count adds what was counted in a minute to the last piece, or to a new one.
func (o *outbox) count(at int64, what []Counted) {
	p := o.open(at)
	for i := range what {
		p.span.count(o.index, what[i].Name, &what[i].Counts)
	}
	p.saved = false
}

// open is a piece of a minute that can be added to.
func (o *outbox) open(at int64) *piece {
	if n := len(o.pieces); n > 0 && !o.pieces[n-1].tried && o.pieces[n-1].at == at {
		return o.pieces[n-1]
	}
	o.seq++
	o.number++
	p := &piece{seq: o.seq, run: o.run, number: o.number, at: at, span: newSpan()}
	o.pieces = append(o.pieces, p)
	return p
}

// squeeze makes one piece of those of an hour that is over, if many wait: that bounds what an absence of the ledger
// costs.
func (o *outbox) squeeze(now int64) {
	if len(o.pieces) <= mostMinutes {
		return
	}
	var kept []*piece
	for _, p := range o.pieces {
		if n := len(kept); n > 0 && !p.tried && !kept[n-1].tried && begin(kept[n-1].at, hour) == begin(p.at, hour) && begin(p.at, hour) != begin(now, hour) {
			into := kept[n-1]
			into.span.merge(p.span)
			into.at, into.saved = min(into.at, p.at), false
			o.gone = append(o.gone, p.seq)
			continue
		}
		kept = append(kept, p)
	}
	o.pieces = kept
}

// toSave is what is not in the file as it is now.
type toSave struct {
	names  []Name
	from   int // the first of names that is not in the file
	pieces []*piece
	data   [][]byte
	spans  []int // changes of each piece when it was taken
	gone   []uint64
}

func (o *outbox) unsaved() (s toSave) {
	for _, p := range o.pieces {
		if !p.saved {
			s.pieces, s.data, s.spans = append(s.pieces, p), append(s.data, p.bytes()), append(s.spans, p.span.changes)
		}
	}
	s.names, s.from, s.gone = o.index.names, o.named, o.gone
	return s
}

func (s *toSave) empty() bool { return len(s.pieces)+len(s.gone) == 0 }

func (s *toSave) write(w writer) error {
	for number := s.from; number < len(s.names); number++ {
		if err := putName(w, uint32(number), s.names[number]); err != nil {
			return err
		}
	}
	for i, p := range s.pieces {
		if err := w.put(tablePieces, spanKey(int64(p.seq)), s.data[i]); err != nil {
			return err
		}
	}
	for _, seq := range s.gone {
		if err := w.remove(tablePieces, spanKey(int64(seq))); err != nil {
			return err
		}
	}
	return nil
}

// written notes what is in the file.
func (o *outbox) written(s *toSave) {
	for i, p := range s.pieces {
		p.saved = p.span.changes == s.spans[i]
	}
	o.named = len(s.names)
	o.gone = o.gone[len(s.gone):]
}

// delivered lets go of a piece.
func (o *outbox) delivered(p *piece) {
	if i := slices.Index(o.pieces, p); i >= 0 {
		o.pieces = slices.Delete(o.pieces, i, i+1)
		o.gone = append(o.gone, p.seq)
	}
}

// costs are what a piece's client keys have spent.
func (o *outbox) costs(s *span) map[string]int64 {
	all := make(map[string]int64)
	for number, c := range s.rows[ofKeys] {
		if int(number) < len(o.index.names) && o.index.names[number].Kind == ofKeys && c.Row[cost] > 0 {
			all[o.index.names[number].Who] = c.Row[cost]
		}
	}
	return all
}

// rows is how many wait.
func (o *outbox) rows() (n int) {
	for _, p := range o.pieces {
		n += p.span.size()
	}
	return n
}

// names are those that a span's rows have, by their numbers in the file.
func (o *outbox) names(s *span) map[uint32]Name {
	all := make(map[uint32]Name)
	for _, list := range s.rows {
		for number := range list {
			if int(number) < len(o.index.names) {
				all[number] = o.index.names[number]
			}
		}
	}
	return all
}

// copied is a piece that nobody changes any more.
func (p *piece) copied() *piece {
	c := *p
	c.span = newSpan()
	c.span.merge(p.span)
	return &c
}

// listed are copies of all pieces.
func (o *outbox) listed() (list []*piece) {
	for _, p := range o.pieces {
		list = append(list, p.copied())
	}
	return list
}
