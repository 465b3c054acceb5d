package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inquiry is a request of the fault tests.
type inquiry struct {
	question
	*dialect
	fault  *fault
	model  string
	stream bool
	alone  bool // no other provider stands behind the faulty one
	kept   bool // comments may begin the answer
}

// wire is the request as it is sent.
func (i *inquiry) wire() string {
	path, body := i.ask(i.model, i.stream, i.text())
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\n%s: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, clientKeyText, questionHeader, i.header(), len(body), body)
}

func (i *inquiry) String() string {
	return fmt.Sprintf("%s of %s (%s, stream %v, model %s)", i.fault.name, i.nonce, i.dialect.name, i.stream, i.model)
}

// result is what came of an inquiry.
type result struct {
	*http.Response
	body []byte
	err  error // in the middle of the body
	took time.Duration
}

func (r *result) String() string {
	if r == nil {
		return "no answer"
	}
	text := string(r.body)
	if len(text) > 800 {
		text = text[:400] + " … " + text[len(text)-400:]
	}
	return fmt.Sprintf("after %v %s %v, %d bytes: %q, %v", r.took.Round(time.Millisecond), r.Status, r.Header, len(r.body), text, r.err)
}

// receiveFrom reads the answer to an inquiry. Slow clients take it in small
// pieces.
func receiveFrom(br *bufio.Reader, began time.Time, slowly bool) (*result, error) {
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodPost})
	if err != nil {
		return nil, fmt.Errorf("reading the answer's head: %w", err)
	}
	r := &result{Response: resp}
	var body io.Reader = resp.Body
	if slowly {
		body = &slowReader{resp.Body, 1000}
	}
	r.body, r.err = io.ReadAll(body)
	resp.Body.Close()
	r.took = time.Since(began)
	return r, nil
}

// slowReader reads this many bytes in a millisecond.
type slowReader struct {
	io.Reader
	pace int
}

func (s *slowReader) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.Reader.Read(p[:min(len(p), s.pace)])
}

// judge says what is wrong with a result; nil if it is one of those that may be.
// Patience is how long the gateway waits for the faulty provider; a lenient judge
// takes it for slow if it may have been the machine that was.
func (i *inquiry) judge(r *result, patience time.Duration, lenient bool) error {
	if others := i.strangers(r.body); len(others) > 0 {
		return fmt.Errorf("it has words of %v", others)
	}
	for _, trace := range []string{"goroutine ", "runtime error", "panic", ".go:"} {
		if bytes.Contains(r.body, []byte(trace)) {
			return fmt.Errorf("it tells of the program's inside: %q", trace)
		}
	}
	may := i.fault.may
	late := r.took >= 2*patience // no further attempt is begun then
	if may&refused != 0 && !i.alone && may&final == 0 && !late {
		may = may&^refused | whole
	}
	slow := lenient && r.took >= patience
	switch {
	case r.StatusCode != http.StatusOK:
		return i.judgeRefusal(r, may, slow)
	case i.stream:
		return i.judgeStream(r, may, slow)
	}
	return i.judgePlain(r)
}

func (i *inquiry) judgeRefusal(r *result, may ends, slow bool) error {
	message, err := i.refusal(r.body)
	allowed := i.fault.statuses
	if allowed == nil {
		allowed = []int{http.StatusBadGateway}
	}
	if after := r.Header.Get("Retry-After"); after != "" {
		if n, err := strconv.Atoi(after); err != nil || n < 0 || n > 366*24*3600 {
			return fmt.Errorf("Retry-After is %q", after)
		}
	}
	switch {
	case r.err != nil:
		return fmt.Errorf("the error is cut: %w", r.err)
	case err != nil:
		return err
	case message == "":
		return errors.New("the error has no message")
	case r.Header.Get("Content-Type") != "application/json":
		return errors.New("the error is not called JSON")
	case slow && r.StatusCode == http.StatusGatewayTimeout:
		return nil
	case may&refused == 0:
		return errors.New("it was refused")
	case !slices.Contains(allowed, r.StatusCode):
		return fmt.Errorf("the status is none of %v", allowed)
	case !strings.Contains(message, i.fault.says):
		return fmt.Errorf("the message does not say %q", i.fault.says)
	}
	return nil
}

// isRight says whether a text is the right answer, as the faulty provider gives it
// or as a sound one does, or how it begins.
func (i *inquiry) isRight(text string, begins bool) bool {
	for _, odd := range []string{"", i.fault.oddSeen} {
		words := i.answer()
		words[i.words/2] += odd
		right := i.noiseless(strings.Join(words, ""))
		if text == right || begins && strings.HasPrefix(right, text) {
			return true
		}
	}
	return false
}

func (i *inquiry) noiseless(text string) string {
	if i.fault.noise == nil {
		return text
	}
	return i.fault.noise(text)
}

func (i *inquiry) judgePlain(r *result) error {
	text, err := i.read(r.body)
	text = i.noiseless(text)
	switch {
	case r.err != nil:
		return fmt.Errorf("the answer is cut: %w", r.err)
	case err != nil:
		return err
	case !i.isRight(text, false):
		return fmt.Errorf("the answer is another one: %.200q", text)
	case r.Header.Get("Content-Type") != "application/json":
		return errors.New("the answer is not called JSON")
	}
	return nil
}

func (i *inquiry) judgeStream(r *result, may ends, slow bool) error {
	var h heard
	for _, data := range i.split(string(r.body)) {
		i.hear(&h, []byte(data))
	}
	text := i.noiseless(h.text.String())
	kind := "text/event-stream; charset=utf-8"
	if i.dialect == arrayDialect {
		kind = "application/json"
	}
	if got := r.Header.Get("Content-Type"); got != kind && got != "text/event-stream" {
		return fmt.Errorf("the content type is %q", got)
	}
	switch {
	case h.strange != nil:
		return h.strange
	case r.err == nil && h.failure != "":
		return errors.New("there is an error in it, but it ends as if it were whole")
	case r.err == nil && !h.ended:
		return errors.New("it was cut, and does not say so")
	case r.err == nil && !i.isRight(text, false):
		return fmt.Errorf("the answer is another one: %.200q", text)
	case r.err == nil:
		return nil
	case h.failure == "":
		return errors.New("it was cut without an error event")
	case !i.isRight(text, true):
		return fmt.Errorf("it began as another one: %.200q", text)
	case h.ended && i.dialect.name != arrayDialect.name && i.dialect != googleDialect: // whose end is a part of the last text
		return errors.New("it ends twice, well and with an error")
	case slow && strings.Contains(h.failure, "timed out"):
		return nil
	case i.kept && text == "" && may&refused != 0:
		return nil
	case may&cut == 0:
		return fmt.Errorf("it was cut: %s", h.failure)
	case !strings.Contains(h.failure, i.fault.says):
		return fmt.Errorf("the error does not say %q", i.fault.says)
	}
	return nil
}

// manner is how a client behaves.
type manner int

const (
	patient manner = iota
	slow
	leaving    // while the answer comes
	resetting  // the same, without a word
	unreading  // does not read, and leaves in the end
	halfClosed // says that no further request will come
	midSending // leaves while it still sends
	manners
)

// misbehave sends an inquiry and leaves before it is answered. What had come until
// then is returned.
func (i *inquiry) misbehave(c *net.TCPConn, how manner, rng *rand.Rand) []byte {
	request := i.wire()
	if how == midSending {
		request = request[:rng.IntN(len(request))]
	}
	if _, err := io.WriteString(c, request); err != nil {
		return nil
	}
	var got []byte
	switch how {
	case leaving, resetting:
		c.SetReadDeadline(time.Now().Add(time.Duration(rng.IntN(50)) * time.Millisecond))
		got = make([]byte, rng.IntN(3000))
		n, _ := io.ReadFull(c, got)
		got = got[:n]
	case unreading:
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
	case halfClosed:
		c.CloseWrite()
		got, _ = io.ReadAll(c)
	}
	if how == resetting {
		c.SetLinger(0)
	}
	c.Close()
	return got
}
