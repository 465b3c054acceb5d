package requestlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Query is which lines are looked for. What is empty is any.
type Query struct {
	ID, Key, KeyID            string
	Model, Provider, Endpoint string    // Model and Provider also where only an attempt was there
	Least, Most               int       // status
	Failed                    bool      // only what was not served
	Text                      string    // somewhere in the line
	Since, Until              time.Time // Until is not among them
	Own                       bool      // by what HideInner leaves, which is all that is found: nothing can be learned of the rest by looking for it
	Bodies                    bool      // lines with all that was said, where it was kept
	Limit                     int       // 0 is all
	From                      string    // where another search stopped: its Next. "" is the newest
}

// Found is a line that was looked for.
type Found struct {
	Entry
	Line []byte // as it lies on the disk, without the line feed
}

// Page is what a search has found, the newest first.
type Page struct {
	Found []Found
	Next  string // where the search stopped, by its limit or its context; "" at the end. It stays true while lines are added
	Seen  int64  // bytes of lines that were read
}

// Search looks through the folder dir. If ctx ends meanwhile, that is no error: the page says where it stopped.
func Search(ctx context.Context, dir string, q Query) (Page, error) {
	var p Page
	segments, err := list(dir)
	if err != nil {
		return p, err
	}
	from, offset, err := readPlace(q.From)
	if err != nil {
		return p, err
	}
	needles := q.needles()
	var space []byte // for one segment after the other: of it nothing is kept
	for i := len(segments) - 1; i >= 0; i-- {
		s := &segments[i]
		if !from.IsZero() && s.begun.After(from) || !q.Until.IsZero() && s.begun.After(q.Until.Add(slack)) {
			continue
		}
		if !q.Since.IsZero() && i+1 < len(segments) && segments[i+1].begun.Before(q.Since.Add(-slack)) {
			break
		}
		if ctx.Err() != nil {
			p.Next = place(s.begun, -1)
			return p, nil
		}
		var lines []byte
		if space, err = read(dir, s, space); err != nil {
			continue // a damaged segment hides no other
		}
		if lines = space; s.begun.Equal(from) && offset >= 0 {
			lines = lines[:min(offset, len(lines))]
		}
		p.Seen += int64(len(lines))
		if stop := p.backwards(lines, q, needles); stop >= 0 {
			p.Next = place(s.begun, stop)
			return p, nil
		}
	}
	return p, nil
}

// longestEntry is how long a line may be without what was said, whoever wrote it: an entry that is read takes many
// times as much.
const longestEntry = 1 << 20

// slack is how far a line's time may be off the segment that it lies in: lines wait before they are written.
const slack = 2 * flushAfter

// place words where a search stopped: a segment, and how many bytes of its lines are still to be looked at; -1 is all.
func place(begun time.Time, offset int) string {
	return begun.UTC().Format(nameTime) + "-" + strconv.Itoa(offset+1)
}

func readPlace(text string) (begun time.Time, offset int, err error) {
	if text == "" {
		return time.Time{}, 0, nil
	}
	stamp, number, _ := strings.Cut(text, "-")
	if begun, err = time.Parse(nameTime, stamp); err == nil {
		offset, err = strconv.Atoi(number)
	}
	if err != nil || offset < 0 {
		return time.Time{}, 0, fmt.Errorf("%q is not where a search stopped: it must be what \"next\" was there", text)
	}
	return begun, offset - 1, nil
}

// exchangeMember is where what was said begins, the last member of a line. It can stand nowhere else: quotes in texts
// are escaped.
var exchangeMember = []byte(`,"exchange":`)

// Exchange is what was said, as JSON; nil if it was not kept, or not asked for.
func (f *Found) Exchange() []byte {
	if _, said, is := bytes.Cut(f.Line, exchangeMember); is {
		return said[:len(said)-1]
	}
	return nil
}

// Whole is a request as others get it.
type Whole struct {
	Entry
	Exchange json.RawMessage `json:"exchange,omitempty"` // all that was said, if that is asked for and was kept
}

// Whole is all that the line tells.
func (f *Found) Whole() Whole { return Whole{f.Entry, f.Exchange()} }

// backwards looks through lines from the last to the first. Once there are enough it says how many bytes are left, else
// -1.
func (p *Page) backwards(lines []byte, q Query, needles [][]byte) int {
	for end := len(lines); end > 0; {
		if q.Limit > 0 && len(p.Found) >= q.Limit {
			return end
		}
		start := lastLine(lines[:end-1])
		line := lines[start : end-1]
		end = start
		whole := line
		if at := bytes.Index(line, exchangeMember); at >= 0 { // what was said is no longer looked through, nor held
			line = append(bytes.Clone(line[:at]), '}')
		}
		if len(line) > longestEntry || !hasAll(line, needles) {
			continue
		}
		var f Found
		if unmarshal(line, &f.Entry) != nil {
			continue
		}
		if f.complete(); q.Own {
			f.HideInner()
		}
		if !q.matches(&f.Entry) {
			continue
		}
		if q.Bodies {
			line = whole
		}
		f.Line = bytes.Clone(line)
		p.Found = append(p.Found, f)
	}
	return -1
}

// needles are what stands in each line that is looked for: most lines need not be decoded.
func (q *Query) needles() (all [][]byte) {
	texts := []string{q.ID, q.Key, q.KeyID, q.Model, q.Provider, q.Endpoint, q.Text}
	if q.Own { // nor by the time that it takes
		texts = []string{q.KeyID}
	}
	for _, text := range texts {
		if text != "" && !strings.ContainsFunc(text, escaped) {
			all = append(all, []byte(text))
		}
	}
	return all
}

// escaped says whether a character may stand in JSON in another form.
func escaped(r rune) bool {
	return r < ' ' || r == '"' || r == '\\' || r == '/' || r >= 0x7f || r == '<' || r == '>' || r == '&'
}

func hasAll(line []byte, needles [][]byte) bool {
	for _, n := range needles {
		if !bytes.Contains(line, n) {
			return false
		}
	}
	return true
}

func (q *Query) matches(e *Entry) bool {
	return (q.ID == "" || e.ID == q.ID) &&
		(q.Key == "" || e.Key == q.Key) &&
		(q.KeyID == "" || e.KeyID == q.KeyID) &&
		(q.Endpoint == "" || e.Endpoint == q.Endpoint) &&
		(q.Model == "" || e.Model == q.Model || e.tried(func(a *Attempt) bool { return a.Upstream == q.Model }) || e.Upstream == q.Model) &&
		(q.Provider == "" || e.Provider == q.Provider || e.tried(func(a *Attempt) bool { return a.Provider == q.Provider })) &&
		(q.Least == 0 || e.Status >= q.Least) && (q.Most == 0 || e.Status <= q.Most) &&
		(!q.Failed || e.Failed()) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until)) &&
		(q.Text == "" || q.inText(e))
}

func (e *Entry) tried(is func(*Attempt) bool) bool {
	for i := range e.Attempts {
		if is(&e.Attempts[i]) {
			return true
		}
	}
	return false
}

// inText looks for Text in what people read of a request.
func (q *Query) inText(e *Entry) bool {
	for _, text := range []string{e.ID, e.Key, e.Client, e.Model, e.Provider, e.Upstream, e.Endpoint, e.Error, e.Detail} {
		if strings.Contains(text, q.Text) {
			return true
		}
	}
	return e.tried(func(a *Attempt) bool {
		return strings.Contains(a.Error, q.Text) || strings.Contains(a.Provider, q.Text)
	})
}

// ReadStatus reads a status such as 429, or a class such as 5xx. Nothing is any.
func ReadStatus(text string) (least, most int, ok bool) {
	switch n, err := strconv.Atoi(text); {
	case text == "":
		return 0, 0, true
	case err == nil && n >= 100 && n <= 599:
		return n, n, true
	case len(text) == 3 && text[0] >= '1' && text[0] <= '5' && strings.EqualFold(text[1:], "xx"):
		least = int(text[0]-'0') * 100
		return least, least + 99, true
	}
	return 0, 0, false
}
