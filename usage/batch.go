package usage

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"

	"uniapi/codec/saturate"
)

// A batch holds the rows of one kind of one span of time, column by column, so that a question reads only what it is
// about: a month of tokens by day and key is four columns of a dozen. It is
//
//	version
//	the number of rows
//	column of series' numbers, ascending, each as the difference to the one before
//	a bit for each column that has anything but zeros: the first fields, histograms, and the fields that came later
//	those columns: length in bytes, then a value for each row
//
// in unsigned varints. A value of a histogram's column is the number of buckets in use, and for each how far it is from
// the one before and its count.
const batchVersion = 1

const columnCount = fieldCount + histogramCount

// Columns are a set of columns, a bit each.
type Columns uint64

const allColumns Columns = 1<<columnCount - 1

// firstHistogram is the column of the first histogram; the fields that came later are behind the last.
const firstHistogram = totalTime + 1

func columnsOf(fields ...int) (c Columns) {
	for _, f := range fields {
		c |= 1 << columnOf(f)
	}
	return c
}

func histogramColumn(which int) Columns { return 1 << (firstHistogram + which) }

func columnOf(field int) int {
	if field >= firstHistogram {
		return field + histogramCount
	}
	return field
}

// inColumn is the field of a column, or which histogram it is of.
func inColumn(column int) (n int, isHistogram bool) {
	switch {
	case column < firstHistogram:
		return column, false
	case column < firstHistogram+histogramCount:
		return column - firstHistogram, true
	}
	return column - histogramCount, false
}

// rows are the rows of a batch that is being made, by the number of their series.
type rows map[uint32]*Counts

func (r rows) at(number uint32) *Counts {
	c := r[number]
	if c == nil {
		c = new(Counts)
		r[number] = c
	}
	return c
}

// encode writes the batch; nil if it has no rows.
func (r rows) encode() []byte {
	if len(r) == 0 {
		return nil
	}
	numbers := slices.Sorted(maps.Keys(r))
	list := make([]*Counts, len(numbers))
	out := binary.AppendUvarint([]byte{batchVersion}, uint64(len(numbers)))
	last := uint32(0)
	for i, number := range numbers {
		out = binary.AppendUvarint(out, uint64(number-last))
		last, list[i] = number, r[number]
	}
	var used Columns
	for _, c := range list {
		for field, n := range c.Row {
			if n != 0 {
				used |= 1 << columnOf(field)
			}
		}
		for which, h := range c.histograms {
			if h != nil {
				used |= histogramColumn(which)
			}
		}
	}
	out = binary.AppendUvarint(out, uint64(used))
	var column []byte
	for number := range columnCount {
		if used&(1<<number) == 0 {
			continue
		}
		column = column[:0]
		of, isHistogram := inColumn(number)
		for _, c := range list {
			if isHistogram {
				column = c.histograms[of].append(column)
			} else {
				column = binary.AppendUvarint(column, uint64(max(c.Row[of], 0)))
			}
		}
		out = append(binary.AppendUvarint(out, uint64(len(column))), column...)
	}
	return out
}

func (h *Histogram) append(dst []byte) []byte {
	used := 0
	if h != nil {
		for _, n := range h {
			if n != 0 {
				used++
			}
		}
	}
	dst = binary.AppendUvarint(dst, uint64(used))
	if used == 0 {
		return dst
	}
	last := 0
	for i, n := range h {
		if n != 0 {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(i-last)), uint64(n))
			last = i
		}
	}
	return dst
}

var errBatch = errors.New("rows of the ledger cannot be read")

// decoder reads batches. It may be used again and keeps its memory.
type decoder struct {
	list    []*Counts
	columns []columnLeft
	below   uint64 // all numbers are, or the batch is damaged; 0 is any
}

// rowsAtOnce is how many rows are read through all their columns before the next, so that their counts stay in the
// processor's cache.
const rowsAtOnce = 1024

// add adds the wanted Columns of a batch to the counts that each series has; a series that has none is left out.
func (d *decoder) add(batch []byte, wanted Columns, of func(number uint32) *Counts) error {
	if len(batch) == 0 {
		return nil
	}
	if batch[0] != batchVersion {
		return errBatch
	}
	batch = batch[1:]
	count, err := uvarint(&batch)
	if err != nil || count > uint64(len(batch)) { // each row takes a byte at least
		return errBatch
	}
	d.list = slices.Grow(d.list[:0], int(count))[:count]
	number := uint64(0)
	for i := range d.list {
		step, err := uvarint(&batch)
		if number += step; err != nil || step == 0 && i > 0 || step > math.MaxUint32 || number > math.MaxUint32 || d.below > 0 && number >= d.below {
			return errBatch
		}
		d.list[i] = of(uint32(number))
	}
	used, err := uvarint(&batch)
	if err != nil {
		return errBatch
	}
	d.columns = d.columns[:0]
	for number := range 64 {
		if used&(1<<number) == 0 {
			continue
		}
		size, err := uvarint(&batch)
		if err != nil || size > uint64(len(batch)) {
			return errBatch
		}
		if wanted&(1<<number) != 0 { // not one that a later version has
			d.columns = append(d.columns, columnLeft{number, batch[:size]})
		}
		batch = batch[size:]
	}
	for some := range slices.Chunk(d.list, rowsAtOnce) {
		for i := range d.columns {
			if err := d.columns[i].add(some); err != nil {
				return err
			}
		}
	}
	return nil
}

// columnLeft is what has not been read yet of a column.
type columnLeft struct {
	number int
	data   []byte
}

func (l *columnLeft) add(list []*Counts) (err error) {
	if of, isHistogram := inColumn(l.number); isHistogram {
		l.data, err = addHistogram(list, l.data, of)
	} else {
		l.data, err = addField(list, l.data, of)
	}
	return err
}

// addField is where a question spends its time: a month by key and model is ten million values. So it reads them in
// place.
func addField(list []*Counts, column []byte, field int) ([]byte, error) {
	at := 0
	for _, c := range list {
		n := int64(0)
		for shift := 0; ; shift += 7 {
			if at == len(column) || shift == 63 {
				return nil, errBatch
			}
			piece := column[at]
			at++
			n |= int64(piece&0x7f) << shift
			if piece < 0x80 {
				break
			}
		}
		if c != nil {
			c.Row[field] = saturate.Add(c.Row[field], n)
		}
	}
	return column[at:], nil
}

func addHistogram(list []*Counts, column []byte, which int) ([]byte, error) {
	for _, c := range list {
		used, err := uvarint(&column)
		if err != nil {
			return nil, err
		}
		bucket := uint64(0)
		for range used {
			step, err := uvarint(&column)
			if err != nil || step >= HistogramBuckets || bucket+step >= HistogramBuckets {
				return nil, errBatch
			}
			n, err := uvarint(&column)
			if err != nil {
				return nil, err
			}
			if bucket += step; c != nil {
				into := &c.histogram(which)[bucket]
				*into = saturate.Add(*into, int64(n))
			}
		}
	}
	return column, nil
}

// uvarint takes a number off the front of data. Most are small, and those it reads itself.
func uvarint(data *[]byte) (uint64, error) {
	d := *data
	if len(d) > 0 && d[0] < 0x80 {
		*data = d[1:]
		return uint64(d[0]), nil
	}
	v, n := binary.Uvarint(d)
	if n <= 0 || v > math.MaxInt64 {
		return 0, errBatch
	}
	*data = d[n:]
	return v, nil
}
