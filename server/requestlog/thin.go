package requestlog

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A log that is full makes room by what most of it is, so that whoever sends most pushes out the own requests first: a
// segment that has to go is thinned before. Of it stay the lines of those client keys that have the least of it, a
// quarter at most. Thinned segments may take a quarter of the log's room; beyond that the oldest go.
const (
	thinned     = ".thin" // behind the time in a segment's name
	thinnedPart = 4
	// thinnedLeast is the part of the log's room that a thinned segment counts for at least: there are no more than
	// some thousands, however little is in each.
	thinnedLeast = 1 << 14
)

// room is what a segment counts for in the room of the log.
func (s *file) room(most int64) int64 {
	if s.thin {
		return max(s.size, most/thinnedLeast)
	}
	return s.size
}

// makeRoom thins and removes segments, the oldest first, until they take no more than most.
func (l *Log) makeRoom(segments []file, bounds Bounds, most int64) error {
	whole, thin := int64(0), int64(0)
	for i := range segments {
		if s := &segments[i]; s.thin {
			thin += s.room(bounds.Most)
		} else {
			whole += s.size
		}
	}
	var failed error
	for whole+thin > most {
		i := slices.IndexFunc(segments, func(s file) bool { return !s.thin })
		if i < 0 || thin > bounds.Most/thinnedPart {
			i = slices.IndexFunc(segments, func(s file) bool { return s.thin })
		}
		s := segments[i]
		if s.thin {
			thin -= s.room(bounds.Most)
		} else {
			whole -= s.size
			if some, err := thinOut(l.dir, &s, bounds.Bodies); err == nil && some {
				thin += s.room(bounds.Most)
				segments[i] = s
				continue
			}
		}
		if err := remove(l.dir, &s); err != nil {
			return err
		}
		segments = slices.Delete(segments, i, i+1)
	}
	for i := range segments {
		failed = cmp.Or(failed, segments[i].failed)
	}
	return failed
}

// thinOut puts what stays of a segment in its place; some is false if nothing does, and then it is as it was.
func thinOut(dir string, s *file, bodies bool) (some bool, err error) {
	from, end, err := s.reader(dir)
	if err != nil {
		return false, err
	}
	have := map[string]*tally{}
	err = eachLine(from, func(head []byte) io.Writer {
		key := keyOf(head)
		if have[string(key)] == nil {
			have[string(key)] = new(tally)
		}
		return have[string(key)]
	})
	end()
	least := leastOf(have)
	if err != nil || len(least) == 0 {
		return false, err
	}
	if from, end, err = s.reader(dir); err != nil {
		return false, err
	}
	defer end()
	name := strings.TrimSuffix(strings.TrimSuffix(s.name, compressed), plain) + thinned + compressed
	unready := filepath.Join(dir, name+unfinished)
	size, err := packed(unready, bodies, func(to io.Writer) error {
		return eachLine(from, func(head []byte) io.Writer {
			if least[string(keyOf(head))] {
				return to
			}
			return nil
		})
	})
	if err != nil {
		return false, errors.Join(err, os.Remove(unready))
	}
	if err := os.Rename(unready, filepath.Join(dir, name)); err != nil {
		return false, err
	}
	was := *s
	s.name, s.size, s.compressed, s.thin, s.failed = name, size, true, true, nil
	return true, remove(dir, &was)
}

// tally counts bytes.
type tally int64

// Write implements io.Writer.
func (t *tally) Write(some []byte) (int, error) {
	*t += tally(len(some))
	return len(some), nil
}

// leastOf are the keys that have the least, as far as that comes to a part of all.
func leastOf(have map[string]*tally) map[string]bool {
	var all tally
	keys := make([]string, 0, len(have))
	for key, n := range have {
		all += *n
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(*have[a], *have[b]), cmp.Compare(a, b)) })
	least, sum := map[string]bool{}, tally(0)
	for _, key := range keys {
		if sum += *have[key]; sum > all/thinnedPart {
			break
		}
		least[key] = true
	}
	return least
}

// eachLine has each line written to where begin says, which sees the beginning of it; nil is nowhere.
func eachLine(from io.Reader, begin func(head []byte) io.Writer) error {
	lines := bufio.NewReaderSize(from, scanned)
	var to io.Writer
	for fresh := true; ; {
		piece, err := lines.ReadSlice('\n')
		if len(piece) > 0 {
			if fresh {
				to = begin(piece)
			}
			if to != nil {
				if _, err := to.Write(piece); err != nil {
					return err
				}
			}
			fresh = err == nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// keyMember is where a line says which client key the request was of. It can stand in no text: quotes there are
// escaped.
var keyMember = []byte(`,"key_id":"`)

// keyOf is the client key of a line, by its beginning; "" if there was none.
func keyOf(head []byte) []byte {
	_, behind, _ := bytes.Cut(head, keyMember)
	key, _, _ := bytes.Cut(behind, []byte{'"'})
	return key
}
