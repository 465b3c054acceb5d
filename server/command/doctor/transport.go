package doctor

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// patience is how long one request may take: a model may think for minutes.
	patience = 5 * time.Minute
	// mostBody is how much of an answer is read.
	mostBody = 16 << 20
)

type transport struct{ *http.Transport }

func newTransport() transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ForceAttemptHTTP2 = true
	return transport{t}
}

// request is what a client sends.
type request struct {
	method, path string
	header       []string // names and values by turns
	body         any      // JSON, or bytes as they are
}

// answer is what came back.
type answer struct {
	err    error // nothing came, or it broke off
	status int
	header http.Header
	body   []byte  // of an answer that is no stream
	events []event // of one that is
	took   time.Duration
}

// event is one event of a stream, or a comment in it.
type event struct {
	name, data string
	comment    bool
	at         time.Duration // since the request was sent
}

// send sends a request with the client's key, and reads the answer to its end. It follows no redirect: for a POST most
// clients do not either, or they lose the body on the way.
func (e *examination) send(r request) *answer {
	a := new(answer)
	raw, isRaw := r.body.([]byte)
	if r.body != nil && !isRaw {
		if raw, a.err = json.Marshal(r.body); a.err != nil {
			return a
		}
	}
	began := time.Now()
	req, err := http.NewRequestWithContext(e.ctx, r.method, e.base.String()+r.path, bytes.NewReader(raw))
	if err != nil {
		a.err = err
		return a
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range e.client.dialect.headers(e) {
		req.Header.Set(name, value)
	}
	for i := 0; i+1 < len(r.header); i += 2 {
		req.Header.Set(r.header[i], r.header[i+1])
	}
	resp, err := (&http.Client{Transport: e.http, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		a.err, a.took = err, time.Since(began)
		return a
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	e.between.see(resp.Header)
	if a.status == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		a.events, a.err = readEvents(resp.Body, func() time.Duration { return time.Since(began) })
	} else {
		a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, mostBody))
	}
	a.took = time.Since(began)
	return a
}

// readEvents reads a stream of server-sent events to its end.
func readEvents(from io.Reader, now func() time.Duration) ([]event, error) {
	lines := bufio.NewReader(from)
	var all []event
	var this event
	var data []string
	for size := 0; size < mostBody; {
		text, err := lines.ReadString('\n')
		size += len(text)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, err
		}
		text = strings.TrimRight(text, "\r\n")
		field, value, _ := strings.Cut(text, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case text == "":
			if data != nil {
				this.data, this.at = strings.Join(data, "\n"), now()
				all = append(all, this)
			}
			this, data = event{}, nil
		case field == "":
			all = append(all, event{comment: true, data: value, at: now()})
		case field == "event":
			this.name = value
		case field == "data":
			data = append(data, value)
		}
	}
	return all, fmt.Errorf("it is longer than %d MiB", mostBody>>20)
}

// message is what an answer says of an error: its message, or the beginning of what stands there in its place.
func (a *answer) message() string {
	var one struct{ Error json.RawMessage }
	var many []struct{ Error json.RawMessage } // as Google wraps those of a stream without alt=sse
	var said struct{ Message string }
	if json.Unmarshal(a.body, &many) == nil && len(many) > 0 {
		one.Error = many[0].Error
	} else if json.Unmarshal(a.body, &one) != nil || one.Error == nil {
		return short(string(a.body))
	}
	if json.Unmarshal(one.Error, &said) == nil && said.Message != "" {
		return short(said.Message)
	}
	return short(string(one.Error))
}

// short is a text in one line of at most 300 characters.
func short(text string) string {
	runes := []rune(strings.Join(strings.Fields(strings.Map(printable, text)), " "))
	if len(runes) > 300 {
		return string(runes[:300]) + "…"
	}
	return string(runes)
}

// printable keeps what an answer says from steering the terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return ' '
	}
	return r
}
