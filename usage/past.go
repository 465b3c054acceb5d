package usage

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"uniapi/config"
)

// past is one request as another program's books have it.
type past struct {
	id                        int64
	at                        int64 // seconds since 1970
	secret                    string
	provider, model, endpoint string
	address                   string // of the client; "" is unknown
	sample                    Sample
	priced                    bool // sample.Cost was in the books
	line                      int
}

// The columns of the Python uni-api's request_stats. A file may have others, in any order: those of other versions, and
// of people who export all.
var (
	pastNeeded = []string{"id", "timestamp", "api_key", "provider", "model", "endpoint", "prompt_tokens", "completion_tokens"}
	pastKnown  = append([]string{"process_time", "first_response_time", "client_ip", "is_flagged", "prompt_price", "completion_price"}, pastNeeded...)
)

// noFirstByte is what uni-api writes as first_response_time where it sent a keepalive comment first, so that it did not
// know.
const noFirstByte = "3.1415"

// pastReader reads what `sqlite3 -header -csv` makes of the table.
type pastReader struct {
	csv     *csv.Reader
	columns map[string]int
	row     []string
}

func newPastReader(r io.Reader) (*pastReader, error) {
	p := &pastReader{csv: csv.NewReader(r), columns: make(map[string]int)}
	p.csv.ReuseRecord = true
	head, err := p.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, fmt.Errorf("the file is no CSV: %w", err)
	}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if slices.Contains(pastKnown, name) {
			p.columns[name] = i
		}
	}
	for _, name := range pastNeeded {
		if _, found := p.columns[name]; !found {
			return nil, fmt.Errorf("line 1: there is no column %s; the first line must name the columns (sqlite3 -header -csv)", name)
		}
	}
	return p, nil
}

// next reads a row; io.EOF is the end.
func (p *pastReader) next() (r past, err error) {
	if p.row, err = p.csv.Read(); err != nil {
		return r, err
	}
	r.line, _ = p.csv.FieldPos(0)
	fail := func(column, must string) (past, error) {
		return r, fmt.Errorf("line %d: %s must be %s, not %q", r.line, column, must, short(p.text(column)))
	}
	var ok bool
	if r.id, ok = p.count("id"); !ok {
		return fail("id", "a whole number")
	}
	at, ok := pastTime(p.text("timestamp"))
	if !ok {
		return fail("timestamp", "a time such as 2025-03-01 12:30:00")
	}
	r.at = at.Unix()
	tokens := &r.sample.Tokens
	if tokens.Prompt, ok = p.count("prompt_tokens"); !ok {
		return fail("prompt_tokens", "a whole number")
	}
	if tokens.Completion, ok = p.count("completion_tokens"); !ok {
		return fail("completion_tokens", "a whole number")
	}
	r.sample.Duration = p.seconds("process_time")
	if p.text("first_response_time") != noFirstByte {
		r.sample.TTFT = p.seconds("first_response_time")
	}
	r.secret, r.provider, r.model, r.endpoint = p.text("api_key"), p.text("provider"), p.text("model"), p.text("endpoint")
	if addr, err := netip.ParseAddr(p.text("client_ip")); err == nil {
		r.address = addr.Unmap().String()
	}
	flagged := p.text("is_flagged")
	r.sample.Success = r.provider != "" && (flagged == "" || flagged == "0" || flagged == "f" || strings.EqualFold(flagged, "false"))
	input, knownInput := p.price("prompt_price")
	output, knownOutput := p.price("completion_price")
	if knownInput && knownOutput {
		r.priced, r.sample.Cost = true, Cost(config.Price{Input: input, Output: output, Cached: input, CacheWrite: input}, *tokens)
	}
	return r, nil
}

func (p *pastReader) text(column string) string {
	i, found := p.columns[column]
	if !found {
		return ""
	}
	return strings.TrimSpace(p.row[i])
}

// count is a whole number that is not negative; nothing is 0.
func (p *pastReader) count(column string) (int64, bool) {
	text := p.text(column)
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

// mostSeconds is what a request may have taken: a day.
const mostSeconds = 24 * 60 * 60

// seconds is a time that was taken; 0 is unknown.
func (p *pastReader) seconds(column string) time.Duration {
	s, err := strconv.ParseFloat(p.text(column), 64)
	if err != nil || !(s > 0 && s <= mostSeconds) {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// price is dollars for a million tokens as pico-dollars for one.
func (p *pastReader) price(column string) (pico int64, known bool) {
	dollars, err := strconv.ParseFloat(p.text(column), 64)
	if err != nil || !(dollars >= 0 && dollars < 1e6) {
		return 0, false
	}
	return int64(math.Round(dollars * 1e6)), true
}

// pastTimes are how SQLite, SQLAlchemy and PostgreSQL write times. One without a zone is in UTC.
var pastTimes = []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999"}

func pastTime(text string) (time.Time, bool) {
	text = strings.Replace(text, "T", " ", 1)
	for _, layout := range pastTimes {
		if at, err := time.Parse(layout, text); err == nil {
			return at, at.Unix() > 0 && at.Unix() < mostTime
		}
	}
	return time.Time{}, false
}

// short is a text for a message. What stands in a wrong column may be anything.
func short(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}
