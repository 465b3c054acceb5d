package openai

import (
	"bytes"
	"slices"
	"strings"

	"uniapi/codec/capability"
	"uniapi/codec/modifier"
	"uniapi/codec/rawjson"
)

const (
	maxCallID     = 64
	maxTokens     = "max_tokens"
	maxCompletion = "max_completion_tokens"
)

// Rules are what must be changed in a request for one model of one upstream, which speaks chat or Responses. They are
// immutable; nil changes nothing.
type Rules struct {
	*capability.Target
	// effort is what the request model's name asks for.
	effort  string
	refused []string // members of the request
	unsaid  []string // members of messages
	apart   []string // members of their parts
	objects bool     // the arguments of calls are to be JSON objects
	echo    bool     // earlier thinking is wanted back with the calls that it led to, be it empty
	idsOnly bool     // of messages nothing but the ids of calls and what is unsaid may have to change
	needles [][]byte // one of which is in messages that have something unsaid
	anew    [][]byte // types, one of which is in requests that must be written anew
	seen    *seenTools
	order   order
}

// ofMessages begins the words that speak of members of messages.
const ofMessages = "messages."

// ofParts begins those that speak of members of their parts.
const ofParts = "parts."

// NewRules returns the rules for requests for a target, nil if there are none: then nothing need be read. Request is
// the name of the model that clients use. It is for when a configuration is loaded.
func NewRules(t *capability.Target, request string) *Rules {
	r := &Rules{Target: t, seen: newSeenTools(), echo: t.Takes("thoughts_with_calls", false), objects: t.Known && !t.Takes("broken_arguments", false)}
	for _, word := range t.Refused() {
		if member, is := strings.CutPrefix(word, ofMessages); is {
			r.unsaid = append(r.unsaid, member)
		} else if member, is := strings.CutPrefix(word, ofParts); is {
			r.apart = append(r.apart, member)
		} else {
			r.refused = append(r.refused, word)
		}
	}
	if t.Thinks != "" && t.Thinks != capability.Never {
		r.effort = modifier.Read(request, t.Model).Effort
	}
	r.idsOnly = len(t.Roles) == 0 && !r.echo && t.Thoughts == "" && t.IDExact == 0 && t.Preface == "" && !r.editsParts()
	r.anew = anewNeedles(t)
	r.order = newOrder(t.Refuses)
	slices.Sort(r.unsaid)
	for _, name := range r.unsaid {
		if n := len(r.needles); n == 0 || !bytes.HasPrefix([]byte(`"`+name), r.needles[n-1]) {
			r.needles = append(r.needles, []byte(`"`+name))
		}
	}
	if r.objects {
		r.needles = append(r.needles, callsNeedle)
	}
	if t.Takes("reasoning_details", false) {
		r.needles = append(r.needles, mistralNeedle)
	}
	if !t.Known && t.Thinks == "" && t.Efforts == nil && t.Limit == "" && t.Temperature == "" && len(t.Rename) == 0 && len(t.Refused()) == 0 && r.idsOnly {
		return nil
	}
	return r
}

// Refuses says whether the upstream takes no member of that name: what the gateway would add itself must then be left
// out.
func (r *Rules) Refuses(name string) bool { return r != nil && r.Target.Refuses(name) }

// speaks says whether a rule may be about a member of the request.
func (r *Rules) speaks(name string) bool {
	return Known.Number(name) >= 0 || name == enableThinking || slices.Contains(r.refused, name) || r.Target.Rename[name] != ""
}

// callsNeedle is in messages that have calls.
var callsNeedle = []byte(`"tool_calls"`)

const (
	enableThinking = "enable_thinking"
	reasoningWord  = "reasoning_effort"
)

// awake says whether a model is going to think, by the effort that is asked for, the request's own switch, and what it
// does by itself.
func (r *Rules) awake(e *edit, effort string) bool {
	switch kind, _ := rawjson.Text(e.body, e.get("thinking").Get(e.body, "type")); {
	case r.Thinks == capability.Always || kind == "enabled":
		return true
	case r.Thinks == capability.Never || kind == "disabled" || effort == "none":
		return false
	}
	return r.Thinks != capability.WhenAsked || effort != ""
}

// thinksSurely says whether a model thinks by itself, or because the request wants it: with one of which that is not
// known it takes a wish.
func (r *Rules) thinksSurely(e *edit) bool {
	if e.get(enableThinking).Kind == rawjson.False && r.Thinks != capability.Always {
		return false
	}
	return r.Thinks == capability.Always || r.Thinks == capability.ByDefault || r.switches(e) || e.word(reasoningWord) != "" || r.effort != ""
}

// switches says whether the request says by a member of its own whether the model thinks.
func (r *Rules) switches(e *edit) bool {
	return e.get("thinking").Present() || e.get(enableThinking).Present()
}

// editThinking sets the effort that the name of the model asks for, puts another in the place of one that the model
// does not take, says in the upstream's own way that it shall not think, and takes out what a model that thinks
// refuses. It returns whether it will.
func (r *Rules) editThinking(e *edit, tools bool) (awake bool) {
	asked := e.word(reasoningWord)
	word := asked
	if word == "" && !r.switches(e) {
		word = r.effort
	}
	if r.EffortWithTools != "" && tools && (word != "" || r.Thinks != capability.WhenAsked) {
		word = r.EffortWithTools
	}
	if r.Thinks == capability.WhenAsked && word == "" && slices.Contains(r.Efforts, "none") && r.Off == "" && e.hasAny(r.Quiet) {
		word = "none" // which it is anyway, and what is quiet otherwise wants to be told
	}
	awake = r.awake(e, word)
	if r.Off != "" && r.Off != "effort" {
		word = r.editSwitch(e, word, awake)
	}
	switch word = r.Effort(word); {
	case word == "":
		e.drop(reasoningWord)
	case word != asked:
		e.setWord(reasoningWord, word)
	}
	if awake {
		e.drop(r.Quiet...)
	}
	return awake
}

// editSwitch says by the upstream's own member what an effort says elsewhere, and returns the effort that is still to
// be said.
func (r *Rules) editSwitch(e *edit, word string, awake bool) string {
	if r.Thinks == capability.Never || r.Thinks == capability.Always {
		e.drop("thinking", enableThinking)
	}
	said := r.switches(e) || word == "" || r.Thinks == capability.Never || r.Thinks == capability.Always
	switch {
	case said:
	case r.Off == enableThinking:
		e.set(enableThinking, boolean(awake))
	case !awake:
		e.set("thinking", []byte(`{"type":"disabled"}`))
	case r.Thinks == capability.WhenAsked:
		e.set("thinking", []byte(`{"type":"enabled"}`))
	}
	if !awake {
		return ""
	}
	return word
}

func boolean(b bool) []byte {
	if b {
		return []byte("true")
	}
	return []byte("false")
}
