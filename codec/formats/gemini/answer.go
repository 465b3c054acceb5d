package gemini

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// answer turns GenerateContentResponse objects into events: one for a whole answer, many for a stream, where each has
// only what is new. The same code reads both, so that they cannot differ.
type answer struct {
	codec.Drops
	text    []byte // decoded texts of the events of one push
	start   codec.Event
	started bool // start is out
	usage   codec.Usage
	choices []candidate
	shape   template
	queries int64  // that Google has searched for
	mapped  bool   // places of Google Maps were found
	webbed  bool   // pages were
	blocked string // the reason why the prompt was refused
	message string // what was said about that, or about the finish
	ids     toolid.Used
	calls   int               // in all choices
	seed    [sha256.Size]byte // of the answer's id, or by chance if it has none: for ids of calls
	seen    bool
	err     *codec.Error
}

// candidate is what is known of a choice. Its finish is held back until the end: some versions repeat STOP in every
// object.
type candidate struct {
	index     int64
	finish    string
	said      bool
	calls     int64
	open      *partialCall
	offsets   offsets
	grounding []byte
}

// object appends the events of one response object. One that differs from the last in nothing but its text and counts
// is not parsed.
func (a *answer) object(dst []codec.Event, data []byte) []codec.Event {
	if t := &a.shape; t.match(data) {
		t.miss = 0
		if c := a.state(t.choice); c.open == nil {
			return a.counted(a.texts(dst, data, t.text, t.thought, codec.Signature{}, c), t.counts.usage())
		}
	}
	dropped := a.Dropped()
	dst = a.parse(dst, data)
	if a.err == nil && a.Dropped() == dropped {
		a.shape.learn(data)
	}
	return dst
}

// parse is object for any object.
func (a *answer) parse(dst []codec.Event, data []byte) []codec.Event {
	var candidates, usage, feedback, failure rawjson.Value
	it := rawjson.MembersOf(data)
	for it.Next() {
		v := it.Value
		switch it.Name() {
		case "candidates":
			candidates = v
		case "usageMetadata", "usage_metadata", "usage":
			usage = v
		case "promptFeedback":
			feedback = v
		case "error":
			failure = v
		case "responseId":
			if a.start.ID == "" {
				a.start.ID = a.keep(data, v)
			}
		case "modelVersion":
			if a.start.Name == "" {
				a.start.Name = a.keep(data, v)
			}
		case "createTime":
			if a.start.Created == 0 {
				s, _ := rawjson.Text(data, v)
				if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
					a.start.Created = at.Unix()
				}
			}
		}
	}
	if it.Err() != nil {
		if a.seen {
			a.Drop()
		} else {
			a.err = notAnAnswer(data)
		}
		return dst
	}
	if failure.Present() {
		a.err = answerError(data, rawjson.Value{Start: 0, End: len(data), Kind: rawjson.Object})
		return dst
	}
	if !a.seen {
		a.seen = true
		if a.start.ID == "" {
			_, _ = rand.Read(a.seed[:]) // never fails since Go 1.24
		} else {
			a.seed = sha256.Sum256([]byte(a.start.ID))
		}
	}
	if reason := feedback.Get(data, "blockReason"); reason.Present() {
		a.blocked = a.keep(data, reason)
	}
	if message := feedback.Get(data, "blockReasonMessage"); message.Present() {
		a.message = a.keep(data, message)
	}
	n := int64(0)
	for it := candidates.Elements(data); it.Next() && a.err == nil; n++ {
		dst = a.candidate(dst, data, it.Value, n)
	}
	u := readUsage(data, usage)
	return a.counted(dst, u)
}

// counted takes the counts of an object. They are said with the start if nothing else is said before.
func (a *answer) counted(dst []codec.Event, u codec.Usage) []codec.Event {
	before := a.usage
	a.usage.Update(u)
	a.tools(&a.usage)
	if a.started && (!u.Zero() || a.usage != before) {
		dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: a.usage})
	}
	return dst
}

// keep copies a text out of the data.
func (a *answer) keep(data []byte, v rawjson.Value) string {
	s, _ := rawjson.Text(data, v)
	return strings.Clone(s)
}

func (a *answer) candidate(dst []codec.Event, data []byte, v rawjson.Value, index int64) []codec.Event {
	var content, citations, logprobs, grounding, finish rawjson.Value
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "content":
			content = it.Value
		case "index":
			if n, ok := rawjson.Int(data, it.Value); ok {
				index = n
			}
		case "finishReason":
			finish = it.Value
		case "finishMessage":
			a.message = a.keep(data, it.Value)
		case "citationMetadata":
			citations = it.Value
		case "groundingMetadata":
			grounding = it.Value
		case "logprobsResult":
			logprobs = it.Value
		}
	}
	c := a.state(index)
	first := len(dst)
	for it := content.Get(data, "parts").Elements(data); it.Next() && a.err == nil; {
		dst = a.part(dst, data, it.Value, c)
	}
	if logprobs.Present() {
		for i := first; i < len(dst); i++ {
			if dst[i].Kind == codec.EventText {
				dst[i].LogProbs = readLogProbs(data, logprobs)
				break
			}
		}
	}
	if citations.Present() {
		dst = a.citations(dst, data, citations, c)
	}
	a.queries = max(a.queries, queriesIn(data, grounding))
	if chunks := grounding.Get(data, "groundingChunks"); chunks.Present() {
		for it := chunks.Elements(data); it.Next(); {
			a.mapped = a.mapped || it.Value.Get(data, "maps").Kind == rawjson.Object
			a.webbed = a.webbed || it.Value.Get(data, "web").Kind == rawjson.Object
		}
		c.grounding = append(c.grounding[:0], grounding.Raw(data)...)
	}
	if finish.Kind == rawjson.String {
		c.finish = a.keep(data, finish)
	} else if finish.Present() { // proxies of Vertex write enums as numbers
		c.finish = string(finish.Raw(data))
	}
	return dst
}

func (a *answer) state(index int64) *candidate {
	for i := range a.choices {
		if a.choices[i].index == index {
			return &a.choices[i]
		}
	}
	if len(a.choices) == codec.MaxChoices {
		a.err = codec.TooMany(codec.MaxChoices, "choices")
		return &candidate{index: index}
	}
	a.choices = append(a.choices, candidate{index: index})
	return &a.choices[len(a.choices)-1]
}

// say appends an event that carries something, behind the start if it is the first. So nothing comes out of an answer
// that turns out to be empty.
func (a *answer) say(dst []codec.Event, c *candidate, e codec.Event) []codec.Event {
	e.Choice = c.index
	c.said = true
	return codec.Add(a.begin(dst), e)
}

func (a *answer) begin(dst []codec.Event) []codec.Event {
	if a.started {
		return dst
	}
	a.started = true
	a.start.Kind, a.start.Usage = codec.EventStart, a.usage
	return append(dst, a.start)
}

func (a *answer) part(dst []codec.Event, data []byte, v rawjson.Value, c *candidate) []codec.Event {
	var kind string
	var value, signature rawjson.Value
	thought := false
	for it := v.Members(data); it.Next(); {
		switch name := it.Name(); name {
		case "thought":
			thought = it.Value.Kind == rawjson.True
		case "thoughtSignature":
			signature = it.Value
		case "text", "functionCall", "inlineData", "fileData", "executableCode", "codeExecutionResult":
			kind, value = name, it.Value
		}
	}
	if kind != "functionCall" && kind != "" && c.open != nil {
		dst = a.closeCall(dst, c)
	}
	switch kind {
	case "text":
		var proof codec.Signature
		if signature.Present() {
			proof = codec.Signature{Provider: provider, Value: a.keep(data, signature)}
		}
		return a.texts(dst, data, value, thought, proof, c)
	case "functionCall":
		return a.functionCall(dst, data, value, a.keep(data, signature), c)
	case "inlineData":
		if thought { // a sketch on the way to the image
			return dst
		}
		return a.say(dst, c, codec.Event{Kind: codec.EventMedia, Media: &codec.Media{MIME: a.keep(data, member(data, value, "mimeType")),
			Data: a.keep(data, value.Get(data, "data"))}})
	case "fileData":
		return a.say(dst, c, codec.Event{Kind: codec.EventMedia, Media: &codec.Media{MIME: a.keep(data, member(data, value, "mimeType")),
			URL: a.keep(data, member(data, value, "fileUri"))}})
	case "executableCode":
		language, _ := rawjson.Text(data, value.Get(data, "language"))
		return a.fenced(dst, c, strings.ToLower(language), rawjson.TextIn(&a.text, data, value.Get(data, "code")))
	case "codeExecutionResult":
		return a.fenced(dst, c, "", rawjson.TextIn(&a.text, data, value.Get(data, "output")))
	}
	return dst
}

// texts says a piece of the answer or of the thoughts.
func (a *answer) texts(dst []codec.Event, data []byte, v rawjson.Value, thought bool, proof codec.Signature, c *candidate) []codec.Event {
	text := rawjson.TextIn(&a.text, data, v)
	e := codec.Event{Kind: codec.EventText, Text: text, Signature: proof}
	if len(text) == 0 {
		if _, signed := e.TextProof(); signed && !thought { // which alone is no answer
			e.Choice = c.index
			return codec.Add(a.begin(dst), e)
		}
		return dst
	}
	if thought {
		e.Kind = codec.EventReasoning
	} else {
		c.offsets.add(text)
	}
	return a.say(dst, c, e)
}

// fenced says the code that Google ran, and what came of it, as text: other formats have no place for it.
func (a *answer) fenced(dst []codec.Event, c *candidate, language string, text []byte) []codec.Event {
	if len(text) == 0 {
		return dst
	}
	at := len(a.text)
	a.text = append(append(append(a.text, "\n```"...), language...), '\n')
	a.text = append(append(a.text, bytes.TrimRight(text, "\n")...), "\n```\n"...)
	said := a.text[at:len(a.text):len(a.text)]
	c.offsets.add(said)
	return a.say(dst, c, codec.Event{Kind: codec.EventText, Text: said})
}

// finished says whether a choice has its finish.
func (a *answer) finished() bool {
	return slices.ContainsFunc(a.choices, func(c candidate) bool { return c.finish != "" })
}

// end appends what ends the answer: finishes, or the error if there is no answer. A stream without a finish was cut
// off; a whole answer is known to be whole.
func (a *answer) end(dst []codec.Event, whole bool) []codec.Event {
	said := false
	word := ""
	for i := range a.choices {
		c := &a.choices[i]
		said = said || c.said
		if word == "" {
			word = c.finish
		}
	}
	reason := finishes[word]
	finished := a.finished() || whole && said
	switch {
	case !finished && a.blocked != "" && !said:
		a.err = errBlocked(a.blocked, a.message)
	case !finished && said, !finished && len(a.choices) > 0:
		a.err = codec.CutShort()
	case !finished && a.message != "":
		a.err = errBlocked("blocked", a.message)
	case !finished:
		a.err = codec.Empty()
	case said, reason == codec.FinishLength, reason == codec.FinishFilter && word != "PROHIBITED_CONTENT":
		return a.finish(dst)
	case reason == codec.FinishFilter:
		a.err = errBlocked(word, a.message)
	case reason == codec.FinishError:
		a.err = codec.NoAnswer("the upstream could not finish its answer: " + strings.TrimSpace(word+" "+a.message))
	default:
		a.err = codec.Empty()
	}
	return dst
}

func (a *answer) finish(dst []codec.Event) []codec.Event {
	dst = a.begin(dst)
	for i := range a.choices {
		c := &a.choices[i]
		dst = a.closeCall(dst, c)
		dst = a.grounded(dst, c)
		dst = append(dst, codec.Event{Kind: codec.EventFinish, Choice: c.index, Finish: finishOf(c.finish, c.calls > 0)})
	}
	return dst
}
