package requestlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	prefix     = "requests-"
	plain      = ".jsonl"
	compressed = ".jsonl.zst"
	unfinished = ".new"
	nameTime   = "20060102T150405.000000Z" // in UTC, so that names sort by time
	// largestSegment is how large one grows, until what has waited is added to it.
	largestSegment = 8 << 20
	// longestSegment is how much of a segment is read at most, whoever wrote it, and farthestBack how far a compressed
	// one may repeat itself.
	longestSegment = largestSegment + mostWaiting
	farthestBack   = 8 << 20
)

// segmentSize is how large a segment grows, in bytes: a part of what is kept, so that little goes at once.
func segmentSize(b Bounds) int64 { return min(max(b.Most/16, 64<<10), largestSegment) }

func segmentAge(b Bounds) time.Duration { return min(max(b.Keep/16, time.Minute), 24*time.Hour) }

// segment is a file of lines that is being written to. Without a file it is none.
type segment struct {
	file  *os.File
	begun time.Time
	size  int64
}

func create(dir string, now time.Time) (segment, error) {
	for { // a clock that was put back may have been there before
		name := filepath.Join(dir, prefix+now.UTC().Format(nameTime)+plain)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if errors.Is(err, fs.ErrExist) {
			now = now.Add(time.Microsecond)
			continue
		}
		return segment{file: f, begun: now}, err
	}
}

// append writes lines. Of those that could not be written whole nothing stays: what follows would be read as a part of
// them.
func (s *segment) append(lines []byte) error {
	n, err := s.file.Write(lines)
	if err != nil {
		err = errors.Join(err, s.file.Truncate(s.size))
		return err
	}
	s.size += int64(n)
	return nil
}

func (s *segment) close() {
	if s.file != nil {
		s.file.Close()
	}
	*s = segment{}
}

// file is a segment as it lies in the folder.
type file struct {
	name       string
	begun      time.Time
	changed    time.Time
	size       int64 // bytes on the disk
	compressed bool
	thin       bool  // of some client keys alone
	failed     error // why it is not compressed
}

// rank says which of two of the same time is the whole one. The process ended between writing one and removing the
// other.
func (s *file) rank() int {
	switch {
	case !s.compressed:
		return 0
	case !s.thin:
		return 1
	}
	return 2
}

// ended is when the last line of the i-th was written, as far as the beginning of the next one tells, or the disk.
func ended(all []file, i int) time.Time {
	if i+1 < len(all) {
		return all[i+1].begun
	}
	return all[i].changed
}

// list is what lies in the folder, the oldest first. A folder that is not there is empty.
func list(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	byBegin := map[time.Time]int{}
	var all []file
	for _, e := range entries {
		stem, is := strings.CutSuffix(e.Name(), plain)
		packed := false
		if !is {
			stem, packed = strings.CutSuffix(e.Name(), compressed)
		}
		stem, thin := strings.CutSuffix(stem, thinned)
		begun, err := time.Parse(prefix+nameTime, stem)
		if err != nil || !is && !packed {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it has gone meanwhile
		}
		f := file{name: e.Name(), begun: begun, changed: info.ModTime(), size: info.Size(), compressed: packed, thin: thin}
		if i, twice := byBegin[begun]; twice {
			if f.rank() < all[i].rank() {
				all[i] = f
			}
			continue
		}
		byBegin[begun] = len(all)
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b file) int { return a.begun.Compare(b.begun) })
	return all, nil
}

// compress puts a compressed segment in the place of a plain one.
func compress(dir string, s *file, bodies bool) error {
	plainName := filepath.Join(dir, s.name)
	from, err := os.Open(plainName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process has done it meanwhile
	} else if err != nil {
		return err
	}
	defer from.Close()
	name := strings.TrimSuffix(s.name, plain) + compressed
	size, err := pack(filepath.Join(dir, name+unfinished), from, bodies)
	if err != nil {
		return errors.Join(err, os.Remove(filepath.Join(dir, name+unfinished)))
	}
	if err := os.Rename(filepath.Join(dir, name+unfinished), filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := os.Remove(plainName); err != nil {
		return err
	}
	s.name, s.size, s.compressed = name, size, true
	return nil
}

// pack writes the whole lines of a segment, compressed, and tells how many bytes that are. A busy gateway fills one
// every few seconds: level and window are those that cost least. Lines without bodies repeat one another, and that
// alone is used: they come to a sixth instead of an eighth, in half the time, which is two per cent of a plain
// request.
func pack(name string, from *os.File, bodies bool) (int64, error) {
	whole, err := wholeLines(from)
	if err != nil {
		return 0, err
	}
	return packed(name, bodies, func(to io.Writer) error {
		_, err := io.CopyBuffer(to, io.LimitReader(from, whole), make([]byte, scanned))
		return err
	})
}

// packed writes a compressed segment of what write gives.
func packed(name string, bodies bool, write func(to io.Writer) error) (int64, error) {
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer to.Close()
	options := []zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(512 << 10)}
	if bodies {
		options = append(options, zstd.WithAllLitEntropyCompression(true)) // base64 repeats nothing and has 6 bits in 8
	} else {
		options = append(options, zstd.WithNoEntropyCompression(true))
	}
	encoder, err := zstd.NewWriter(to, options...)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(write(encoder), encoder.Close()); err != nil {
		return 0, err
	}
	return to.Seek(0, io.SeekCurrent)
}

const scanned = 64 << 10 // bytes that are read at once

// wholeLines is where the last whole line of a file ends.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	part := make([]byte, scanned)
	for end := info.Size(); end > 0; {
		begin := max(end-scanned, 0)
		n, err := f.ReadAt(part[:end-begin], begin)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := lastLine(part[:n]); i > 0 {
			return begin + int64(i), nil
		}
		end = begin
	}
	return 0, nil
}

// remove removes a segment.
func remove(dir string, s *file) error {
	if err := os.Remove(filepath.Join(dir, s.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing an old segment: %w", err)
	}
	return nil
}

// reader reads a segment, inflated, until end.
func (s *file) reader(dir string) (from io.Reader, end func(), err error) {
	f, err := os.Open(filepath.Join(dir, s.name))
	if err != nil {
		return nil, nil, err
	}
	if !s.compressed {
		return io.LimitReader(f, longestSegment), func() { f.Close() }, nil
	}
	decoder, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(longestSegment), zstd.WithDecoderMaxWindow(farthestBack))
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return io.LimitReader(decoder, longestSegment), func() { decoder.Close(); f.Close() }, nil
}

// read is the whole lines of a segment, in the place of what into had. One that is damaged gives what is before the
// damage.
func read(dir string, s *file, into []byte) ([]byte, error) {
	from, end, err := s.reader(dir)
	if errors.Is(err, fs.ErrNotExist) && !s.compressed { // it was compressed meanwhile
		s.name, s.compressed = strings.TrimSuffix(s.name, plain)+compressed, true
		from, end, err = s.reader(dir)
	}
	if errors.Is(err, fs.ErrNotExist) && !s.thin { // it was thinned meanwhile
		s.name, s.thin = strings.TrimSuffix(s.name, compressed)+thinned+compressed, true
		from, end, err = s.reader(dir)
	}
	if errors.Is(err, fs.ErrNotExist) { // it was too old meanwhile
		return into[:0], nil
	} else if err != nil {
		return into[:0], err
	}
	defer end()
	whole := bytes.NewBuffer(into[:0])
	_, err = whole.ReadFrom(from)
	lines := whole.Bytes()
	lines = lines[:lastLine(lines)]
	if err != nil && len(lines) == 0 {
		return lines, fmt.Errorf("%s is damaged: %w", s.name, err)
	}
	return lines, nil
}
