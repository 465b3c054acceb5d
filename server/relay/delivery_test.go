package relay

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/pool"
)

// owner has answers, each of which is gone on with by the next.
type owner struct {
	answers  []*Answer
	told     *codec.Error // where there is none
	panicked any
	status   int
	failure  *codec.Error
}

func (o *owner) Answer() *Answer { return o.answers[0] }

func (o *owner) GoOn(err error) *codec.Error {
	if len(o.answers) == 1 {
		if o.told == nil {
			panic(err)
		}
		return o.told
	}
	o.answers = o.answers[1:]
	return nil
}

func (o *owner) Panicked(panicked any) *codec.Error {
	o.panicked = panicked
	return &codec.Error{Status: 500, Message: "it panicked"}
}

func (o *owner) Delivered(status int, failure *codec.Error) { o.status, o.failure = status, failure }

// leaver is a client that is gone behind so many writes; below 0 it stays.
type leaver struct {
	strings.Builder
	leaves int
}

func (w *leaver) Write(p []byte) (int, error) {
	if w.leaves == 0 {
		return 0, errors.New("gone")
	}
	w.leaves--
	return w.Builder.Write(p)
}

func TestDeliveryWritesWhatItsOwnerHas(t *testing.T) {
	whole := func(text string) *Answer { return &Answer{Progress: Progress{First: []byte(text)}} }
	cut := func(text string) *Answer {
		return &Answer{Progress: Progress{First: []byte(text), broken: errors.New("cut")}}
	}
	down := &codec.Error{Status: 502, Type: "server_error", Message: "it is down"}
	for _, c := range []struct {
		name    string
		answers []*Answer
		told    *codec.Error
		pending *codec.Error // how attempts end that go on behind comments; nil where there are none
		raw     bool
		leaves  int
		want    string // "ERROR" is an event with what is told
		status  int
	}{
		{name: "a whole one", answers: []*Answer{whole("one")}, leaves: -1, want: "one", status: 200},
		{name: "two, of which the first broke off", answers: []*Answer{cut("one "), whole("two")}, leaves: -1, want: "one two", status: 200},
		{name: "one that nobody goes on with", answers: []*Answer{cut("one ")}, told: down, leaves: -1, want: "one ERROR", status: 502},
		{name: "two, and nobody goes on", answers: []*Answer{cut("one "), cut("two ")}, told: down, leaves: -1, want: "one two ERROR", status: 502},
		{name: "a sound that breaks off", answers: []*Answer{cut("one")}, told: down, raw: true, leaves: -1, want: "one", status: 502},
		{name: "none, behind comments", answers: []*Answer{new(Answer)}, pending: down, leaves: -1, want: ": keepalive\n\nERROR", status: 502},
		{name: "one to a client that is gone", answers: []*Answer{whole("one")}, leaves: 0, want: "", status: StatusClientGone},
		{name: "one to a client that leaves", answers: []*Answer{cut("one "), whole("two")}, leaves: 1, want: "one ", status: StatusClientGone},
		{name: "one whose owner panics", answers: []*Answer{cut("one")}, leaves: -1, want: "one", status: 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, w := &owner{answers: c.answers, told: c.told}, &leaver{leaves: c.leaves}
			var written atomic.Int64
			d := &Delivery{Owner: o, Call: new(pool.Call), Written: &written, Client: openai.Format{}, Model: "m", Raw: c.raw, status: StatusClientGone}
			if c.pending != nil {
				d.Pending = make(chan *codec.Error, 1)
				d.Pending <- c.pending
			}
			n, err := d.WriteTo(w)
			d.Close()
			want := strings.Replace(c.want, "ERROR", string(openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"}).Fail(nil, down)), 1)
			if w.String() != want || o.status != c.status {
				t.Errorf("%q, status %d, want %q, %d", w.String(), o.status, want, c.status)
			}
			if ended := err == nil; ended != (c.status == 200) || (o.failure == nil) != (c.status == 200 || c.status == StatusClientGone) {
				t.Errorf("%v, %v", err, o.failure)
			}
			if said, _, _ := strings.Cut(c.want, "ERROR"); c.pending == nil && o.panicked == nil && (n != int64(len(said)) || n != written.Load()) {
				t.Errorf("%d bytes were written, %d counted", n, written.Load())
			}
			if (o.panicked != nil) != (c.status == 500) {
				t.Errorf("it panicked: %v", o.panicked)
			}
		})
	}
}
