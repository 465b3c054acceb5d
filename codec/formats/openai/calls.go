package openai

import (
	"hash/maphash"

	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
)

// callParts are the members of a call in an answer, or of a piece of one.
type callParts struct {
	id, index, extra rawjson.Value
	name, arguments  rawjson.Value // those of its function, or of its custom tool
	custom, typed    bool
}

// readCall reads them, to the end of the walk.
func readCall(it *rawjson.Members) (c callParts) {
	function := false
	for it.Step() {
		switch name := it.Name(); name {
		case "id":
			c.id = it.Whole()
		case "index":
			c.index = it.Whole()
		case "type":
			c.typed = nonEmpty(it.Whole())
		case "extra_content":
			c.extra = it.Whole()
		case "function", "custom":
			if it.Value.Kind != rawjson.Object || function && name == "custom" {
				continue
			}
			function = name == "function"
			c.custom = !function
			inner := it.Members()
			c.name, c.arguments = readFunction(&inner)
			it.Leave(&inner.Walk)
		}
	}
	return c
}

// readFunction reads the name and the arguments of a function or of a custom tool.
func readFunction(it *rawjson.Members) (name, arguments rawjson.Value) {
	var input rawjson.Value
	for it.Step() {
		switch it.Name() {
		case "name":
			name = it.Whole()
		case "arguments":
			arguments = it.Whole()
		case "input":
			input = it.Whole()
		}
	}
	if !arguments.Present() {
		arguments = input
	}
	return name, arguments
}

// callPiece is what tells which call of a stream a piece belongs to. Its id and its name are told by their hashes, 0
// for none.
type callPiece struct {
	choice, index int64
	numbered      bool // it has an index
	id, name      uint64
	arguments     bool
	opens         bool // its arguments begin as those of a call do
}

func (c *callParts) piece(data []byte, choice int64) callPiece {
	p := callPiece{choice: choice, id: hashOf(data, c.id), name: hashOf(data, c.name)}
	p.index, p.numbered = rawjson.Int(data, c.index)
	p.arguments = c.arguments.Present() && (c.arguments.Kind != rawjson.String || nonEmpty(c.arguments))
	p.opens = c.arguments.Kind == rawjson.Object || p.arguments && c.arguments.Kind == rawjson.String && data[c.arguments.Start+len(`"`)] == '{'
	return p
}

var hashSeed = maphash.MakeSeed()

// hashOf is 0 for a value that is no text, or an empty one.
func hashOf(data []byte, v rawjson.Value) uint64 {
	if v.Kind != rawjson.String || !nonEmpty(v) {
		return 0
	}
	return max(maphash.Bytes(hashSeed, v.Raw(data)), 1)
}

// openCalls are the calls of a stream, found by what upstreams number and name them.
type openCalls struct {
	list    []openCall
	byIndex keyed.List[inChoice[int64], int]
	byID    keyed.List[inChoice[uint64], int]
	last    keyed.List[int64, int] // of each choice
}

// openCall is a call by what has come of it.
type openCall struct {
	choice   int64
	id, name uint64
	said     bool // arguments
	twin     bool // another call has been given the same id
}

type inChoice[K comparable] struct {
	choice int64
	key    K
}

func (o *openCalls) reset() {
	o.list = o.list[:0]
	o.byIndex.Reset()
	o.byID.Reset()
	o.last.Reset()
}

// take finds the call that a piece goes on with, or takes up the one that it begins, and notes what it tells.
func (o *openCalls) take(p *callPiece) (at int, begins bool) {
	if at = o.find(p); at < 0 {
		at, begins = len(o.list), true
		o.list = append(o.list, openCall{choice: p.choice})
		if p.numbered {
			o.byIndex.Add(inChoice[int64]{p.choice, p.index}, at)
		}
		if last := o.last.Find(p.choice); last != nil {
			*last = at
		} else {
			o.last.Add(p.choice, at)
		}
	}
	call := &o.list[at]
	if call.id == 0 && p.id != 0 {
		call.id, call.twin = p.id, o.named(p) >= 0
		o.byID.Add(inChoice[uint64]{p.choice, p.id}, at)
	}
	if call.name == 0 {
		call.name = p.name
	}
	call.said = call.said || p.arguments
	return at, begins
}

// find is the call that a piece goes on with, -1 for one that begins another. Some upstreams number every call 0
// (Ollama, among others), and only the id tells them apart; some make up an id for every piece, which then has no name;
// some number none, and then a piece without an id goes on with the last, unless it names a tool and its arguments
// begin anew.
func (o *openCalls) find(p *callPiece) int {
	var known *int
	switch {
	case p.numbered:
		known = o.byIndex.Find(inChoice[int64]{p.choice, p.index})
	case p.id != 0:
		return o.named(p)
	default:
		known = o.last.Find(p.choice)
	}
	if known == nil {
		return -1
	}
	switch call := &o.list[*known]; {
	case p.id != 0 && call.id != 0 && p.id != call.id:
		if other := o.named(p); other >= 0 {
			return other
		}
		if p.name != 0 || !p.arguments {
			return -1
		}
	case p.id == 0 && call.id == 0 && p.name != 0 && call.name != 0 && call.said && (p.name != call.name || p.opens):
		return -1
	}
	return *known
}

// named is the call of the choice that has the piece's id, -1 for none.
func (o *openCalls) named(p *callPiece) int {
	if at := o.byID.Find(inChoice[uint64]{p.choice, p.id}); at != nil {
		return *at
	}
	return -1
}
