package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uniapi/server/telemetry/metrics"
)

// wording is a usage as a provider may write it.
type wording struct {
	name  string
	usage string       // "" is none, "own" that of the format
	why   metrics.Lack // for what is estimated
	total int64        // that is told alone
}

const exact metrics.Lack = -1

// contradictory makes a usage of 1234 and 567 tokens one of which the answer is below zero, and the total below the
// prompt.
var contradictory = strings.NewReplacer("1234", "1010", "567", "-567", "500", "-500", "1801", "7")

var wordings = []wording{
	{"its own words", "own", exact, 0},
	{"whole floats", `{"prompt_tokens":1234.0,"completion_tokens":567.0,"total_tokens":1801.0}`, exact, 0},
	{"texts", `{"prompt_tokens":"1234","completion_tokens":"567"}`, exact, 0},
	{"an exponent", `{"prompt_tokens":1.234e3,"completion_tokens":5.67E2}`, exact, 0},
	{"Anthropic's words", `{"input_tokens":1234,"output_tokens":567}`, exact, 0},
	{"Google's words", `{"promptTokenCount":1234,"candidatesTokenCount":567}`, exact, 0},
	{"Amazon's words", `{"inputTokens":1234,"outputTokens":567}`, exact, 0},
	{"one half and the total", `{"prompt_tokens":1234,"total_tokens":1801}`, exact, 0},
	{"the other half and the total", `{"completion_tokens":567,"prompt_tokens":null,"total_tokens":1801}`, exact, 0},
	{"the total alone", `{"total_tokens":1801}`, metrics.LackNone, 1801},
	{"none", "", metrics.LackNone, 0},
	{"null", "null", metrics.LackNone, 0},
	{"an empty object", "{}", metrics.LackNone, 0},
	{"nulls", `{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}`, metrics.LackNone, 0},
	{"a text", `"many"`, metrics.LackUnreadable, 0},
	{"words for numbers", `{"prompt_tokens":"many","completion_tokens":"few"}`, metrics.LackUnreadable, 0},
	{"no numbers", `{"prompt_tokens":"NaN","completion_tokens":[1]}`, metrics.LackUnreadable, 0},
	{"less than none", `{"prompt_tokens":-5,"completion_tokens":-1e300}`, metrics.LackAbsurd, 0},
	{"less than none, as a text", `{"prompt_tokens":"-5","completion_tokens":"-5"}`, metrics.LackAbsurd, 0},
	{"too many", `{"prompt_tokens":999999999999999999,"completion_tokens":999999999999999999}`, metrics.LackAbsurd, 0},
	{"more than an integer", `{"prompt_tokens":1e300,"completion_tokens":9223372036854775808}`, metrics.LackAbsurd, 0},
	{"a total below one half", `{"prompt_tokens":1010,"completion_tokens":-1000000,"total_tokens":5}`, metrics.LackAbsurd, 0},
	{"a total that leaves nothing", `{"prompt_tokens":1010,"completion_tokens":-1,"total_tokens":1010}`, metrics.LackAbsurd, 0},
	{"a total below the answer", `{"completion_tokens":105,"total_tokens":5}`, metrics.LackAbsurd, 0},
	{"no number and a total below one half", `{"prompt_tokens":"1010","completion_tokens":"NaN","total_tokens":5}`, metrics.LackAbsurd, 0},
	{"its own words in contradiction", "less", metrics.LackAbsurd, 0},
	{"more than a float", `{"prompt_tokens":1e400,"completion_tokens":"1e400"}`, metrics.LackAbsurd, 0},
}

// check looks at what a whole answer with the usage cost.
func (sp wording) check(t *testing.T, s *stage, what string, c charged, before int64) {
	t.Helper()
	what += ", " + sp.name
	c.costs(t, what)
	switch {
	case sp.why == exact:
		if c.prompt != toldPrompt || c.completion != toldCompletion || c.estimated {
			t.Errorf("%s: %+v", what, c)
		}
		return
	case sp.total > 0:
		if c.prompt+c.completion != sp.total || !c.estimated || c.completion < 100 || c.completion > 110 {
			t.Errorf("%s: %+v", what, c)
		}
	case sp.usage != "" && (sp.name[:4] == "too " || sp.name[:4] == "more"):
		if !c.estimated || c.prompt < 1000 || c.prompt > 1060 || c.completion != leastOfTooMany {
			t.Errorf("%s: %+v", what, c)
		}
	default:
		c.isFor(t, what, 1000, 100)
	}
	if n := s.lacked(sp.why); n != before+1 {
		t.Errorf("%s: it is counted as lacking %d times for %s", what, n-before, metrics.LackNames[sp.why])
	}
}

// section is a provider that speaks the tongue.
func (d tongue) section(addr string) string {
	if d.engine == "aws" {
		return fmt.Sprintf("  - {provider: p, base_url: \"http://%s/\", engine: aws, aws_access_key: id, aws_secret_key: secret, region: us-east-1, model: [{%s: m}]}\n", addr, d.model)
	}
	section := fmt.Sprintf("  - {provider: p, base_url: \"http://%s%s\", api: %s, model: [m]", addr, d.at, upstreamKeyText)
	if d.engine != "" {
		section += ", engine: " + d.engine
	}
	return section + "}\n"
}

// TestEveryConversationCosts goes through clients, formats, ways to answer, ends and wordings of a usage.
func TestEveryConversationCosts(t *testing.T) {
	for _, d := range tongues {
		t.Run(d.name, func(t *testing.T) {
			s := staged(t, d.section)
			for _, a := range askers {
				for _, stream := range []bool{false, true} {
					what := fmt.Sprintf("%s on %s, streamed: %v", a.name, d.name, stream)
					path, body := a.plain(stream)
					if testing.Short() && a.name != "chat" {
						continue
					}
					for _, sp := range wordings {
						usage := sp.usage
						switch usage {
						case "own":
							usage = d.own
						case "less":
							usage = contradictory.Replace(d.own)
						}
						p := &play{kind: jsonKind, first: d.plain(usage)}
						if stream {
							first, rest := d.stream(usage)
							p = &play{kind: d.events, length: -1, first: first, rest: rest}
						}
						s.next.Store(p)
						before := int64(0)
						if sp.why != exact {
							before = s.lacked(sp.why)
						}
						c := s.charge(func() {
							if status, text := s.post(path, body); status != 200 {
								t.Errorf("%s, %s: %d %s", what, sp.name, status, text)
							}
						})
						sp.check(t, s, what, c, before)
					}
					s.cutOff(t, what, d, stream, path, body)
				}
			}
		})
	}
}

// cutOff has answers end in every other way.
func (s *stage) cutOff(t *testing.T, what string, d tongue, stream bool, path, body string) {
	t.Helper()
	whole := d.plain(d.own)
	if !stream {
		s.next.Store(&play{kind: jsonKind, first: whole[:len(whole)/2], length: len(whole), end: breaksOff})
		if c := s.charge(func() { s.post(path, body) }); c.nano != 0 || c.status < 500 {
			t.Errorf("%s, cut by the provider, of which the client got nothing: %+v", what, c)
		}
		s.leavesEarly(t, what, func() *play {
			return &play{kind: jsonKind, first: whole[:len(whole)-20], length: len(whole), end: keepsStill}
		}, path, body, 1000)
		return
	}
	first, _ := d.stream(d.own)
	before := s.lacked(metrics.LackCut)
	s.next.Store(&play{kind: d.events, length: -1, first: first, end: breaksOff})
	s.charge(func() { s.post(path, body) }).isFor(t, what+", cut by the provider", 1000, 100)
	s.charge(func() { s.leave(&play{kind: d.events, length: -1, first: first, end: keepsStill}, path, body) }).isFor(t, what+", cut by the client", 1000, 100)
	if n := s.lacked(metrics.LackCut); n != before+2 {
		t.Errorf("%s: %d cuts are counted", what, n-before)
	}
	s.leavesEarly(t, what, func() *play { return &play{kind: d.events, length: -1, end: keepsStill} }, path, body, 1000)
}

// leavesEarly has the client leave when the provider has begun to answer and nothing has come of it. Whether the
// gateway has seen that it has is not to be seen from here: a client that was faster is asked to leave again.
func (s *stage) leavesEarly(t *testing.T, what string, next func() *play, path, body string, prompt int64, header ...string) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		c := s.charge(func() { s.leave(next(), path, body, header...) })
		if c.nano > 0 {
			if c.costs(t, what); !c.estimated || c.prompt < prompt || c.prompt > prompt+60 || c.status != statusClientGone {
				t.Errorf("%s, of which the client got nothing since it left: %+v", what, c)
			}
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%s: a client that leaves before the first byte pays nothing", what)
		}
	}
}

func TestZeroTokensAreBelievedInAWholeAnswerAndCounted(t *testing.T) {
	d := tongues[0]
	s := staged(t, d.section)
	path, body := askers[0].plain(false)
	zero := `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`
	s.next.Store(&play{kind: jsonKind, first: d.plain(zero)})
	if c := s.charge(func() { s.post(path, body) }); c.nano != 0 || s.lacked(metrics.LackZero) != 1 {
		t.Errorf("%+v, %d", c, s.lacked(metrics.LackZero))
	}
	// In a stream they are a running total, of which the last may be missing.
	path, body = askers[0].plain(true)
	first, rest := d.stream(zero)
	s.next.Store(&play{kind: d.events, length: -1, first: first, rest: rest})
	s.charge(func() { s.post(path, body) }).isFor(t, "a stream of zeros", 1000, 100)
}

// TestPromptOfNoTokensIsEstimated has providers count an answer, and nothing of what they read for it.
func TestPromptOfNoTokensIsEstimated(t *testing.T) {
	for _, d := range tongues {
		s := staged(t, d.section)
		for _, stream := range []bool{false, true} {
			path, body := askers[0].plain(stream)
			for _, usage := range []string{`{"prompt_tokens":0,"completion_tokens":567}`, `{"prompt_tokens":0,"completion_tokens":567,"total_tokens":567}`} {
				p := &play{kind: jsonKind, first: d.plain(usage)}
				if stream {
					first, rest := d.stream(usage)
					p = &play{kind: d.events, length: -1, first: first, rest: rest}
				}
				s.next.Store(p)
				if c := s.charge(func() { s.post(path, body) }); c.prompt < 1000 || c.prompt > 1060 || c.completion != 567 || !c.estimated {
					t.Errorf("%s, streamed: %v, %s: %+v", d.name, stream, usage, c)
				}
			}
		}
	}
}

// TestStreamsUsageAtItsEndIsBelievedWithoutACompletion has the same numbers once before the answer, and once where it
// ends.
func TestStreamsUsageAtItsEndIsBelievedWithoutACompletion(t *testing.T) {
	d := tongues[0]
	s := staged(t, d.section)
	path, body := askers[0].plain(true)
	const usage = `"usage":{"prompt_tokens":1234,"completion_tokens":0,"total_tokens":1234}`
	for _, c := range []struct {
		what, first, last string
		estimated         bool
	}{
		{"at the beginning", "," + usage, "", true},
		{"in the choice that ends", "", "," + usage, false},
	} {
		first := `data: {"choices":[{"index":0,"delta":{"content":"some words"}` + c.first + "}]}\n\n"
		rest := `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"` + c.last + "}]}\n\ndata: [DONE]\n\n"
		s.next.Store(&play{kind: eventsKind, length: -1, first: first, rest: rest})
		got := s.charge(func() { s.post(path, body) })
		if got.prompt != 1234 || got.estimated != c.estimated || (got.completion > 0) != c.estimated {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}

func TestUsageInOtherPlacesOfAChatIsFound(t *testing.T) {
	d := tongues[0]
	s := staged(t, d.section)
	own := d.own
	for name, plain := range map[string]string{
		"in x_groq":       with(d.plain(""), "x_groq", `{"id":"1","usage":`+own+`}`),
		"in the choice":   `{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop","usage":` + own + `}]}`,
		"usageMetadata":   with(d.plain(""), "usageMetadata", `{"promptTokenCount":1234,"candidatesTokenCount":567}`),
		"usage_metadata":  with(d.plain(""), "usage_metadata", `{"prompt_token_count":1234,"candidates_token_count":567}`),
		"Cohere's meta":   with(d.plain(""), "meta", `{"billed_units":{"input_tokens":1234,"output_tokens":567}}`),
		"twice, once nil": with(with(d.plain(""), "x_groq", `{"usage":`+own+`}`), "usage", "null"),
	} {
		path, body := askers[0].plain(false)
		s.next.Store(&play{kind: jsonKind, first: plain})
		if c := s.charge(func() { s.post(path, body) }); c.prompt != toldPrompt || c.completion != toldCompletion || c.estimated {
			t.Errorf("%s: %+v", name, c)
		}
		path, body = askers[0].plain(true)
		s.next.Store(&play{kind: eventsKind, length: -1, first: "data: " + plain + "\n\n", rest: "data: [DONE]\n\n"})
		if c := s.charge(func() { s.post(path, body) }); c.prompt != toldPrompt || c.completion != toldCompletion || c.estimated {
			t.Errorf("%s, streamed: %+v", name, c)
		}
	}
}

func TestAnswerThatSaysNothingCostsWhatTheProviderCounted(t *testing.T) {
	s := staged(t, tongues[0].section)
	path, body := askers[0].plain(false)
	empty := `{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}`
	for usage, want := range map[string]int64{tongues[0].own: toldPrompt*1_000_000 + toldCompletion*2_000_000, "": 0} {
		s.next.Store(&play{kind: jsonKind, first: with(empty, "usage", usage)})
		if c := s.charge(func() { s.post(path, body) }); c.nano != want || c.status != 502 {
			t.Errorf("%q: %+v", usage, c)
		}
	}
	s.next.Store(&play{kind: jsonKind, first: `{"error":{"message":"overloaded","type":"server_error"},"usage":` + tongues[0].own + `}`})
	if c := s.charge(func() { s.post(path, body) }); c.nano != 0 {
		t.Errorf("an error: %+v", c)
	}
}

// Of a model of which it is known what it answers with at most, a count far beyond that is not believed, for each
// answer that was asked for.
func TestCountFarBeyondWhatTheModelAnswersWithIsEstimated(t *testing.T) {
	for _, d := range tongues {
		if d.engine == "aws" {
			continue // its models have other names
		}
		s := staged(t, func(addr string) string {
			return strings.Replace(d.section(addr), "model: [m]", "model: [{gpt-4o: m}]", 1)
		})
		most := s.snapshot.Load().prices.Of(s.snapshot.Load().config.Providers[0], "m", "gpt-4o").Most
		if most == 0 {
			t.Fatal("the list of prices does not know the model")
		}
		for _, stream := range []bool{false, true} {
			for _, test := range []struct {
				count, answers int64
				believed       bool
			}{{farAbove * most, 1, true}, {farAbove*most + 1, 1, false}, {farAbove*most + 1, 2, d.name == "chat"}, {90_000_000, 2, false}} {
				what := fmt.Sprintf("%s, streamed: %v, %d tokens", d.name, stream, test.count)
				path, body := askers[0].plain(stream)
				if test.answers > 1 {
					if d.name != "chat" {
						continue // has one answer
					}
					body = strings.Replace(body, "{", fmt.Sprintf(`{"n":%d,`, test.answers), 1)
				}
				usage := strings.NewReplacer("567", fmt.Sprint(test.count), "500", fmt.Sprint(test.count-67), `,"totalTokenCount":1801`, "", `,"total_tokens":1801`, "").Replace(d.own)
				p := &play{kind: jsonKind, first: d.plain(usage)}
				if stream {
					first, rest := d.stream(usage)
					p = &play{kind: d.events, length: -1, first: first, rest: rest}
				}
				s.next.Store(p)
				before := s.lacked(metrics.LackAbsurd)
				c := s.charge(func() { s.post(path, body) })
				if c.costs(t, what); test.believed {
					if c.estimated || c.completion != test.count {
						t.Errorf("%s: %+v", what, c)
					}
				} else if !c.estimated || c.prompt != toldPrompt || c.completion != leastOfTooMany || s.lacked(metrics.LackAbsurd) != before+1 {
					t.Errorf("%s: %+v", what, c)
				}
			}
		}
	}
}

func TestAbsurdCountsAreLoggedOnce(t *testing.T) {
	s := staged(t, tongues[0].section)
	path, body := askers[0].plain(false)
	for range 3 {
		s.next.Store(&play{kind: jsonKind, first: tongues[0].plain(`{"prompt_tokens":1e18,"completion_tokens":-1}`)})
		s.charge(func() { s.post(path, body) })
	}
	if n := s.Server.log; n == nil || s.gateway.log.Count("a provider counts tokens in a way that cannot be right; they are estimated") != 1 {
		t.Error("the log does not tell once")
	}
}
