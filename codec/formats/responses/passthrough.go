package responses

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// Inspector reads a Responses stream for a passthrough.Stream. The answer begins with the first thing that is said or
// called: up to there a response only waits, and may yet fail for want of quota.
type Inspector struct {
	// ItemIDs has the ids of items written as OpenAI has them. What is larger than an event is usually passes as it
	// comes.
	ItemIDs bool

	usage    codec.Usage
	passed   int64 // characters of what has been said
	around   int64 // bytes that stood around a piece of it; those that follow are not read so closely
	searches searches
	seen     bool // an event of the format has come
	last     bool // the big event that is under way ends the answer

	unnamed bool   // the last event has a response without an id
	id      string // which is this one then
}

var (
	_ passthrough.Inspector = (*Inspector)(nil)
	_ passthrough.Mender    = (*Inspector)(nil)
)

// Reset implements passthrough.Inspector.
func (in *Inspector) Reset() { *in = Inspector{ItemIDs: in.ItemIDs} }

// Usage implements passthrough.Inspector.
func (in *Inspector) Usage() codec.Usage {
	u := in.usage
	in.searches.tell(&u)
	return u
}

// Said implements passthrough.Inspector.
func (in *Inspector) Said() int64 { return in.passed }

// Failure implements passthrough.Inspector.
func (in *Inspector) Failure(_, block []byte) *codec.Error {
	if e := asError(block); e != nil {
		return e
	}
	return errOther()
}

func errOther() *codec.Error {
	return codec.NoAnswer("the upstream answered in another format than that of Responses")
}

// End implements passthrough.Inspector. The last event of a stream holds the whole answer, and nothing can stand for
// it.
func (in *Inspector) End(bool) (last string, err *codec.Error) {
	if !in.seen {
		return "", codec.Empty()
	}
	return "", codec.CutShort()
}

// Mend implements passthrough.Mender: a response without an id gets one, the same in all of its events, and items get
// those that OpenAI has.
func (in *Inspector) Mend(dst, name, data []byte) []byte {
	if in.ItemIDs {
		data = WithItemIDs(data)
	}
	if !in.unnamed {
		return passthrough.AppendEvent(dst, name, data)
	}
	if in.id == "" {
		in.id = codec.NewID("resp_")
	}
	return passthrough.AppendWithID(dst, name, data, "response", in.id)
}

// Event implements passthrough.Inspector.
func (in *Inspector) Event(name, data []byte, begun bool) passthrough.Sign {
	in.unnamed = false
	sign := in.event(name, data, begun)
	sign.Lacks = (in.unnamed || in.ItemIDs && idEdits(data) != nil) && sign.Err == nil
	return sign
}

func (in *Inspector) event(name, data []byte, begun bool) passthrough.Sign {
	if begun && passGoesOn(name, data) {
		if _, err := rawjson.One(data); err != nil {
			return passthrough.NotJSON(err)
		}
		in.passed += max(estimate.Weight(data)-in.around, 1)
		return passthrough.Sign{}
	}
	var m passMembers
	it := m.read(name, data)
	if err := it.Err(); err != nil {
		return passthrough.NotJSON(err)
	}
	in.seen = in.seen || m.kind != ""
	in.unnamed = m.response.Kind == rawjson.Object && !passthrough.HasID(data, m.response)
	switch m.kind {
	case "response.output_item.added", "response.output_item.done":
		if m.kind == "response.output_item.done" {
			in.searches.count(data, m.item)
		}
		return passthrough.Sign{Begins: passSays(data, m.item)}
	case "response.completed", "response.incomplete":
		return in.completed(data, m.response, m.kind == "response.incomplete")
	case "response.failed", "response.cancelled":
		return passthrough.Sign{Err: failed(data, m.response)}
	case "error", "":
		if e := asError(data); e != nil {
			return passthrough.Sign{Err: e}
		}
		if m.kind == "error" {
			return passthrough.Sign{Err: codec.NoAnswer("the upstream reported an error without a text")}
		}
		if !begun {
			return passthrough.Sign{Err: errOther()}
		}
	}
	if !strings.HasSuffix(m.kind, ".delta") || !passHolds(m.delta) {
		return passthrough.Sign{}
	}
	in.passed += estimate.Weight(data[m.delta.Start+1 : m.delta.End-1])
	in.around = int64(len(data) - len(m.delta.Raw(data)) + len(`""`))
	return passthrough.Sign{Begins: true}
}

// passMembers are the members of an event that tell what it is.
type passMembers struct {
	kind                           string
	delta, item, response, failure rawjson.Value
}

// read finds the members, and returns where it stopped: at the end, or where the JSON is broken or cut off. The type
// counts, and the event's name where there is none.
func (m *passMembers) read(name, data []byte) rawjson.Members {
	m.kind = string(name)
	it := rawjson.MembersOf(data)
	for it.Next() {
		switch it.Name() {
		case "type":
			if word, _ := rawjson.Text(data, it.Value); word != "" {
				m.kind = word
			}
		case "delta":
			m.delta = it.Value
		case "item":
			m.item = it.Value
		case "response":
			m.response = it.Value
		case "error":
			m.failure = it.Value
		}
	}
	return it
}

// passGoesOn says whether an event only adds a piece to what has begun, which is so of nearly all. One that is cut off
// does not.
func passGoesOn(name, data []byte) bool {
	const lead = `{"type":"`
	if len(name) == 0 && bytes.HasPrefix(data, []byte(lead)) {
		name, _, _ = bytes.Cut(data[len(lead):], []byte{'"'})
	}
	return bytes.HasSuffix(name, []byte(".delta")) && data[len(data)-1] == '}'
}

// passHolds says whether a value carries anything: neither null nor "" nor [] nor {}.
func passHolds(v rawjson.Value) bool { return v.Present() && v.End-v.Start > len(`""`) }

// passSays tells whether an item of an answer has anything for its reader. Messages and thinking are empty when they
// begin.
func passSays(data []byte, item rawjson.Value) bool {
	if item.Kind != rawjson.Object {
		return false
	}
	kind, _ := rawjson.Text(data, item.Get(data, "type"))
	switch kind {
	case "message":
		for it := item.Get(data, "content").Elements(data); it.Next(); {
			if passHolds(it.Value.Get(data, "text")) || passHolds(it.Value.Get(data, "refusal")) {
				return true
			}
		}
		return false
	case "reasoning":
		return passHolds(item.Get(data, "summary")) || passHolds(item.Get(data, "content")) || passHolds(item.Get(data, "encrypted_content"))
	}
	return true
}

// passAnySays is passSays for a list of items.
func passAnySays(data []byte, output rawjson.Value) bool {
	for it := output.Elements(data); it.Next(); {
		if passSays(data, it.Value) {
			return true
		}
	}
	return false
}

// completed ends the answer. Some servers have sent nothing before. An incomplete one has a reason to be empty.
func (in *Inspector) completed(data []byte, response rawjson.Value, incomplete bool) passthrough.Sign {
	if failure := response.Get(data, "error"); failure.Kind == rawjson.Object && passHolds(failure) {
		return passthrough.Sign{Err: failed(data, response)}
	}
	u, _ := codec.ReadUsage(data, response.Get(data, "usage"))
	u.Tier = codec.TierTold(data, response.Get(data, codec.ServiceTier))
	in.usage.Update(u)
	in.searches.atLeast(searchesIn(data, response.Get(data, "output")))
	if in.passed == 0 && u.Zero() { // it has said nothing before, and does not count
		in.passed = estimate.Answer(response.Raw(data)) * estimate.CharactersPerToken
	}
	return passthrough.Sign{Begins: incomplete || passAnySays(data, response.Get(data, "output")), Done: true}
}

// Head implements passthrough.Inspector. What is so large is an image, or echoes the request, as every event does that
// has a response in it.
func (in *Inspector) Head(name, data []byte, begun bool) passthrough.Sign {
	var m passMembers
	it := m.read(name, data)
	if cut := passthrough.CutMember(data, &it); cut.Kind != rawjson.Missing && it.Name() == "response" {
		m.response = cut
	}
	var output rawjson.Value
	for it := m.response.Members(data); it.Next(); {
		switch it.Name() {
		case "error":
			m.failure = it.Value
		case "output":
			output = it.Value
		}
	}
	in.seen = true
	switch m.kind {
	case "response.created", "response.queued", "response.in_progress":
		return passthrough.Sign{}
	case "response.completed":
		in.last = true
		return passthrough.Sign{Begins: output.Kind == rawjson.Missing || passAnySays(data, output)}
	case "response.incomplete":
		in.last = true
	case "response.output_item.done":
		in.passed += estimate.MediaTokens * estimate.CharactersPerToken
	case "response.failed", "response.cancelled", "error":
		if m.failure.Kind == rawjson.Object {
			e := asError(slices.Concat([]byte(`{"error":`), m.failure.Raw(data), []byte{'}'}))
			return passthrough.Sign{Err: cmp.Or(e, failed(nil, rawjson.Value{}))}
		}
		return passthrough.Sign{Err: failed(nil, rawjson.Value{})}
	}
	return passthrough.Sign{Begins: true}
}

// Tail implements passthrough.Inspector. The usage stands at the end of a response.
func (in *Inspector) Tail(data []byte) passthrough.Sign {
	if in.last {
		u, _ := codec.ReadUsage(data, passthrough.EndMember(data, `"usage"`, 2))
		u.Tier = codec.TierTold(data, passthrough.EndMember(data, `"service_tier"`, 2))
		in.usage.Update(u)
	}
	return passthrough.Sign{Done: in.last}
}
