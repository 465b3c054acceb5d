package scripted

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// talk is what a request says, whatever its format.
type talk struct {
	model  string
	stream bool
	system string
	// asked is the text of the last message of the user that has one, pictures its images.
	asked    string
	pictures []picture
	tools    []tool
	// forced is whether a tool must be called, forcedTool which one.
	forced     bool
	forcedTool string
	// calls are the last calls of the assistant, if the talk ends with their results.
	calls []call
	// thinks is whether reasoning was asked for, shows whether its text was, signed whether the reasoning before calls
	// came back with them.
	thinks, shows, signed bool
	// seals is whether encrypted reasoning was asked for.
	seals bool
	// schema is that of the answer; anyJSON asks for JSON without one.
	schema  json.RawMessage
	anyJSON bool
	// usage is whether a stream tells it.
	usage bool
}

type picture struct {
	mime string
	data []byte
}

type tool struct {
	name   string
	schema json.RawMessage
}

// call is a call of a tool, with its result once there is one.
type call struct {
	id, name string
	args     json.RawMessage
	result   *string
}

// reply is what is answered.
type reply struct {
	thought string
	text    string
	calls   []call
	cut     bool // the connection breaks off
}

// What every answer has cost, in tokens. Of the prompt's, cached were cached; an answer with a thought costs
// thoughtTokens more.
const (
	promptTokens  = 33
	cachedTokens  = 8
	outputTokens  = 12
	thoughtTokens = 5
)

func (a *reply) thoughtTokens() int {
	if a.thought == "" {
		return 0
	}
	return thoughtTokens
}

const (
	plainText   = "Grüße aus 東京 🌍, \"quoted\", a\\b and <tags> & ends.\nSecond line."
	thoughtText = "The user asks for the weather. A tool knows it: I call it."
	weatherTool = "get_weather"
)

var weather = map[string][]string{"tool": {"Paris", "Tokyo"}, "reason": {"Paris"}}

// scenes are what can be acted out. The user names one in brackets: "[tool] What is the weather?". A model whose name
// ends in a scene, as mock-error429 does, acts that out when the user names none.
var scenes = map[string]func(t *talk) (*reply, error){
	"plain":    func(*talk) (*reply, error) { return &reply{text: plainText}, nil },
	"system":   func(t *talk) (*reply, error) { return &reply{text: "The system prompt is: " + t.system}, nil },
	"tool":     func(t *talk) (*reply, error) { return callTools(t, "tool") },
	"reason":   reason,
	"image":    describe,
	"json":     fillIn,
	"long":     func(*talk) (*reply, error) { return &reply{text: longText()}, nil },
	"cut":      func(*talk) (*reply, error) { return &reply{text: longText(), cut: true}, nil },
	"error400": fail(refusal{kind: invalid, message: "The scene asks for a bad request."}),
	"error429": fail(refusal{kind: rateLimited, message: "Rate limit reached in the scene.", retryAfter: 1}),
	"error500": fail(refusal{kind: failed, message: "The scene asks for a server error."}),
	// Overloaded is Anthropic's 529; the others have 503 for it.
	"overloaded": fail(refusal{kind: overloaded, message: "Overloaded"}),
}

var named = regexp.MustCompile(`\[([a-z]+[0-9]*)\]`)

func act(t *talk) (*reply, error) {
	if m := named.FindStringSubmatch(t.asked); m != nil {
		if play := scenes[m[1]]; play != nil {
			return play(t)
		}
		return nil, fmt.Errorf("there is no scene [%s]", m[1])
	}
	for name, play := range scenes {
		if strings.HasSuffix(t.model, "-"+name) {
			return play(t)
		}
	}
	return scenes["plain"](t)
}

func fail(e refusal) func(*talk) (*reply, error) {
	return func(*talk) (*reply, error) { return nil, &e }
}

// callTools calls the tool for each of the scene's cities at once, and quotes the results when they are there.
func callTools(t *talk, scene string) (*reply, error) {
	cities := weather[scene]
	if !slices.ContainsFunc(t.tools, func(o tool) bool { return o.name == weatherTool }) {
		return nil, fmt.Errorf("the scene [%s] needs the tool %s, which was not offered", scene, weatherTool)
	}
	if len(t.calls) == 0 {
		a := new(reply)
		for _, city := range cities {
			a.calls = append(a.calls, weatherCall(city))
		}
		return a, nil
	}
	if len(t.calls) != len(cities) {
		return nil, fmt.Errorf("%d calls were made, %d came back", len(cities), len(t.calls))
	}
	var said []string
	for i, city := range cities {
		was := weatherCall(city)
		is := t.calls[i]
		if is.name != was.name || !sameJSON(is.args, was.args) {
			return nil, fmt.Errorf("call %d was %s(%s) and came back as %s(%s)", i, was.name, was.args, is.name, is.args)
		}
		if is.result == nil {
			return nil, fmt.Errorf("call %d, for %s, came back without its result", i, city)
		}
		said = append(said, city+": "+*is.result)
	}
	return &reply{text: strings.Join(said, "; ")}, nil
}

func weatherCall(city string) call {
	return call{id: letters(city, 24), name: weatherTool, args: marshal(object{"city": city, "days": 2, "note": `say "ü"`})}
}

// reason thinks, calls one tool, and refuses its result if the thought did not come back with it.
func reason(t *talk) (*reply, error) {
	if !t.thinks {
		return nil, fmt.Errorf("the scene [reason] needs reasoning, which was not asked for")
	}
	a, err := callTools(t, "reason")
	if err != nil {
		return nil, err
	}
	if len(a.calls) > 0 {
		a.thought = thoughtText
	} else if !t.signed {
		return nil, fmt.Errorf("the reasoning that led to the call did not come back with it")
	}
	return a, nil
}

// describe says what image it was shown.
func describe(t *talk) (*reply, error) {
	if len(t.pictures) == 0 {
		return nil, fmt.Errorf("the scene [image] needs an image in the user's message")
	}
	var said []string
	for _, p := range t.pictures {
		sum := sha256.Sum256(p.data)
		said = append(said, fmt.Sprintf("%s of %d bytes, sha256 %x", p.mime, len(p.data), sum[:8]))
	}
	return &reply{text: strings.Join(said, "; ")}, nil
}

// fillIn answers the schema, or calls the tool it must call with arguments that fit its schema: models without
// structured output are asked that way.
func fillIn(t *talk) (*reply, error) {
	switch {
	case t.schema != nil:
		v, err := example(t.schema)
		return &reply{text: string(marshal(v))}, err
	case t.forced:
		for _, o := range t.tools {
			if o.name == t.forcedTool || t.forcedTool == "" {
				v, err := example(o.schema)
				return &reply{calls: []call{{id: letters(o.name, 24), name: o.name, args: marshal(v)}}}, err
			}
		}
		return nil, fmt.Errorf("tool %q must be called and was not offered", t.forcedTool)
	case t.anyJSON:
		return &reply{text: `{"city":"Paris"}`}, nil
	}
	return nil, fmt.Errorf("the scene [json] needs a schema, which was not given")
}

func longText() string {
	words := make([]string, 600)
	for i := range words {
		words[i] = fmt.Sprintf("wörd%d", i)
	}
	return strings.Join(words, " ")
}

// pieces cuts a text into what a model makes at once. An empty text has none.
func pieces(text string) []string {
	const n = 6
	var out []string
	for part := range slices.Chunk([]rune(text), n) {
		out = append(out, string(part))
	}
	return out
}

// letters is n hexadecimal digits that follow from s, for ids.
func letters(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:n]
}

// seal is what a provider signs or encrypts its thoughts with: base64 with both of its special letters.
func seal(provider string) string {
	raw := []byte{0xfb, 0xff, 0xbf}
	for i := range byte(4) {
		sum := sha256.Sum256(append([]byte(provider), i))
		raw = append(raw, sum[:]...)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return bytes.Equal(marshal(x), marshal(y))
}
