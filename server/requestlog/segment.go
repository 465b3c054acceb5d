package requestlog

import (
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
	// longestSegment is how much of a segment is read at most, whoever wrote it.
	longestSegment = 256 << 20
)

// segmentSize is how large a segment grows, in bytes: a part of what is kept, so that little goes at once.
func segmentSize(b Bounds) int64 { return min(max(b.Most/16, 64<<10), 8<<20) }

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
		begun, err := time.Parse(prefix+nameTime, stem)
		if err != nil || !is && !packed {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it has gone meanwhile
		}
		f := file{name: e.Name(), begun: begun, changed: info.ModTime(), size: info.Size(), compressed: packed}
		if i, twice := byBegin[begun]; twice { // the process ended between writing one and removing the other: the plain one is whole in any case
			if !packed {
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
	_, err = io.CopyBuffer(encoder, io.LimitReader(from, whole), make([]byte, scanned))
	if err := errors.Join(err, encoder.Close()); err != nil {
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

// read is the whole lines of a segment. One that is damaged gives what is before the damage.
func read(dir string, s *file) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, s.name))
	if errors.Is(err, fs.ErrNotExist) && !s.compressed { // it was compressed meanwhile
		s.name, s.compressed = strings.TrimSuffix(s.name, plain)+compressed, true
		f, err = os.Open(filepath.Join(dir, s.name))
	}
	if errors.Is(err, fs.ErrNotExist) { // it was too old meanwhile
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	var from io.Reader = f
	if s.compressed {
		decoder, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(longestSegment))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		defer decoder.Close()
		from = decoder
	}
	lines, err := io.ReadAll(io.LimitReader(from, longestSegment))
	lines = lines[:lastLine(lines)]
	if err != nil && len(lines) == 0 {
		return nil, fmt.Errorf("%s is damaged: %w", s.name, err)
	}
	return lines, nil
}
