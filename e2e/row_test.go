package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// row shows what one documented key does: what play tells under a file with the key, and under one without it.
type row struct {
	section, key string
	word         string // which of the words that have a meaning of their own the row is about; "" of a key without
	set          string // a mapping with the key, for its level of the file; of the environment NAME=value
	unset        string // what stands in its place without it; "" is nothing
	file         file   // what the file has besides
	// play meets the gateway and tells what was seen. Without one the row says that the key changes nothing, whatever
	// is asked.
	play          func(s *stage) string
	without, with string
}

// level is where in the file a row's key stands.
type level int

const (
	inFile level = iota
	inProvider
	inProviderPreferences
	inKey
	inKeyPreferences
	inPreferences
	inEnvironment
)

// levels are the levels of the sections of docs/reference.md that have keys.
var levels = map[string]level{
	"Top level": inFile, "providers[]": inProvider, "providers[].preferences": inProviderPreferences,
	"api_keys[]": inKey, "api_keys[].preferences": inKeyPreferences, "preferences": inPreferences,
	"hedging": inPreferences, "request_log": inPreferences, "alerts": inPreferences, "cluster": inPreferences, "timeout_policy": inPreferences, "image_fetch": inPreferences,
	"exclude_request_rules": inProvider, "post_body_parameter_overrides": inProviderPreferences,
	"Environment variables": inEnvironment,
}

func rows() []row {
	return slices.Concat(routingRows, scheduleRows, engineRows, credentialRows, limitRows, timeoutRows, bodyRows, failureRows, imageRows, requestRows, alertRows, clusterRows, unusedRows, environmentRows, databaseRows)
}

func (r row) name() string { return strings.Trim(r.section+" "+r.key+" "+r.word, " ") }

func TestEveryDocumentedKeyHasARowAndNoOther(t *testing.T) {
	shown, silent := map[string]bool{}, map[string]bool{}
	for _, r := range rows() {
		shown[r.name()] = shown[r.name()] || r.play != nil
		silent[r.name()] = silent[r.name()] || r.play == nil
		last := r.key[strings.LastIndexAny(r.key, ".")+1:]
		if !strings.Contains(r.set, last) {
			t.Errorf("%s: the row's file has no such key: %s", r.name(), r.set)
		}
		if r.play != nil && r.with == r.without {
			t.Errorf("%s: the row shows nothing: %q with and without the key", r.name(), r.with)
		}
	}
	for _, d := range reference(t) {
		name := d.section + " " + d.key
		switch words := d.words(t); {
		case d.unused() && !silent[name]:
			t.Errorf("%s does nothing, as docs/reference.md says, and there is no row that shows it", name)
		case !d.unused() && silent[name]:
			t.Errorf("%s has a row that says it changes nothing, and docs/reference.md does not", name)
		case !d.unused() && len(words) == 0 && !shown[name]:
			t.Errorf("%s is in docs/reference.md and has no row", name)
		default:
			for _, word := range words {
				if !shown[name+" "+word] {
					t.Errorf("%s has no row for %s", name, word)
				}
				delete(shown, name+" "+word)
			}
		}
		delete(shown, name)
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		t.Errorf("%s has a row and is not in docs/reference.md", name)
	}
}

func TestWhatIsDocumentedIsWhatHappens(t *testing.T) {
	for _, r := range rows() {
		t.Run(r.name(), func(t *testing.T) {
			t.Parallel()
			if r.play == nil {
				without, with := r.tell(t, false, everything), r.tell(t, true, everything)
				if without != with {
					t.Errorf("the key changes something.\nWithout it:\n%s\nwith it:\n%s", without, with)
				}
				return
			}
			for has, want := range map[bool]string{false: r.without, true: r.with} {
				if got := r.tell(t, has, r.play); got != want {
					t.Errorf("with the key %v: %q, not %q", has, got, want)
				}
			}
		})
	}
}

// tell plays a row under a file with its key or without it.
func (r row) tell(t *testing.T, has bool, play func(*stage) string) (told string) {
	t.Helper()
	t.Run(fmt.Sprintf("has the key %v", has), func(t *testing.T) {
		s := newStage(t)
		s.has = has
		set, at := r.unset, levels[r.section]
		if has {
			set = r.set
		}
		if at == inEnvironment {
			if set != "" {
				s.env = append(s.env, s.addresses(set))
			}
			set = ""
		}
		s.write(r.file.text(t, at, set))
		told = play(s)
	})
	return told
}

// everything is what the upstreams see and the client gets of requests of many kinds.
func everything(s *stage) string {
	var told strings.Builder
	tell := func(a answer) {
		fmt.Fprintf(&told, "%d %s %s\n", a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	tools := `"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]`
	image := `"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]`
	tell(s.post(chat, said(`"stream":true`, tools)))
	tell(s.post(chat, `{"model":"m",`+image+`}`))
	tell(s.post("/v1/responses", `{"model":"m","input":"hi","tools":[{"type":"custom","name":"patch"}]}`))
	tell(s.post("/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`))
	tell(s.post("/v1/embeddings", `{"model":"m","input":"hi"}`))
	s.a.answer = fails(500, "out of order")
	tell(s.chat())
	s.b.answer = fails(500, "out of order too")
	tell(s.chat())
	for _, u := range []*upstream{s.a, s.b} {
		for _, r := range u.requests() {
			fmt.Fprintf(&told, "%s: %s %s %v %s\n", u.name, r.Method, r.URL, r.Header, r.body)
		}
	}
	return changing.ReplaceAllString(told.String(), "$1…")
}

// changing is what differs from one answer to the next.
var changing = regexp.MustCompile(`("id":"|"item_id":"|"created(?:_at)?":|again in |127\.0\.0\.1:)[\w-]+`)

// brief is a time that a key sets. After the sum of what the channels that were tried may take none is tried again, so
// it must leave a busy machine the time to begin one.
const brief = time.Second

// silent is an upstream that says nothing for longer than brief. Under the row's key it says nothing until the gateway
// has given it up, or the test gives up the gateway.
func (s *stage) silent(then func(http.ResponseWriter, seen)) func(http.ResponseWriter, seen) {
	return func(w http.ResponseWriter, r seen) {
		select {
		case <-time.After(s.beyond()):
			then(w, r)
		case <-r.Context().Done():
		}
	}
}

// beyond is longer than brief. Under the row's key it is for as long as anything may take, so that a slow machine
// changes nothing.
func (s *stage) beyond() time.Duration {
	if s.has {
		return patience
	}
	return brief + brief/4
}
