package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hurried is a provider that has to begin its answer within a third of a second. Who is to
// answer has all the time that a busy machine takes for it.
const hurried = "    preferences: {model_timeout: 0.3}\n"

// nobodyRests has nobody rest.
const nobodyRests = "preferences: {cooldown_period: 0}\n"

var mute script = func(p *peer, _ seen) bool { p.gone(); return false }

// However many channels are silent before it, one that is well is asked.
func TestSearchDoesNotEndBeforeEveryChannelWasAsked(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ {
		for _, request := range []string{plainRequest, streamRequest} {
			t.Run(fmt.Sprintf("%d silent, %s", n, kindOfRequest(request)), func(t *testing.T) {
				t.Parallel()
				sections := []string{keyed(""), nobodyRests}
				for i := range n {
					sections = append(sections, providerOf(fmt.Sprint("silent-", i), listen(t, mute), hurried))
				}
				g := start(t, append(sections, providerOf("well", listen(t, both)))...)
				if a := g.chat(request); a.StatusCode != 200 {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			})
		}
	}
}

// Whoever is given up learns how many were asked, and where the time went.
func TestSearchInVainEndsWithTheSumOfWhatItsChannelsMayTake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ups  []script
		want string
	}{
		"one":                     {[]script{mute}, `Request timed out after 0\.3 seconds`},
		"three":                   {[]script{mute, mute, mute}, `Request timed out after 0\.3 seconds\. 3 attempts were made at 3 channels in `},
		"one that fails and next": {[]script{says(reply(500, jsonKind, errorBody("no"))), mute}, `: p0 [0-9.]+ s \(500\), p1 0\.[3-9] s \(504\)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sections := []string{keyed("SCHEDULING_ALGORITHM: fixed_priority"), nobodyRests}
			var ups []*upstream
			for i, script := range test.ups {
				ups = append(ups, listen(t, script))
				times := hurried
				if name == "one that fails and next" && i == 0 {
					times = ""
				}
				sections = append(sections, providerOf(fmt.Sprint("p", i), ups[i], times))
			}
			if name == "one that fails and next" { // which else would be asked again, as long as there is time
				sections[0] = keyed("SCHEDULING_ALGORITHM: fixed_priority, AUTO_RETRY: 1")
			}
			g := start(t, sections...)
			if said := g.chat(plainRequest).failure(t, 504, "timeout"); !regexp.MustCompile(test.want).MatchString(said) {
				t.Errorf("told %q, not %q", said, test.want)
			}
			for i, up := range ups {
				if n := len(up.requests()); n != 1 {
					t.Errorf("p%d was asked %d times", i, n)
				}
			}
		})
	}
}

// What a provider says of its failure is told as it says it, whoever failed before it.
func TestWhereTheTimeWentIsNoPartOfWhatAProviderSays(t *testing.T) {
	g := start(t, keyed("AUTO_RETRY: 1"), nobodyRests, providerOf("p", listen(t, mute), hurried), providerOf("q", listen(t, says(reply(500, jsonKind, errorBody("out of order"))))))
	if said := g.chat(plainRequest).failure(t, 500, ""); said != "out of order" {
		t.Errorf("told %q", said)
	}
}

// Beyond the longest search nobody is waited for, but for the first who was asked; and that he had no time is nobody's
// fault.
func TestLongestSearchIsTheEndOfIt(t *testing.T) {
	t.Parallel()
	failing, last := listen(t, says(reply(500, jsonKind, errorBody("no")))), listen(t, both)
	g := startWith(t, Options{longestSearch: 2 * time.Second}, providerOf("p", failing), providerOf("q", listen(t, mute)), providerOf("r", last),
		keyed("SCHEDULING_ALGORITHM: fixed_priority"), "preferences: {model_timeout: 3600}\n")
	said := g.chat(plainRequest).failure(t, 504, "timeout")
	if !strings.Contains(said, "2 attempts were made at 2 channels") || len(last.requests()) != 0 {
		t.Errorf("told %q, and %d requests went further", said, len(last.requests()))
	}
	a := g.do("GET", "/v1/explain?key=admin&model=m", "", "Authorization", "Bearer "+clientKeyText)
	if _, q, _ := strings.Cut(a.body, `"Provider":"q"`); strings.Contains(strings.SplitN(q, "\"Provider\"", 2)[0], "rests for another") {
		t.Errorf("q rests: %s", a.body)
	}

	slow := func(p *peer, r seen) bool { time.Sleep(50 * time.Millisecond); return both(p, r) }
	g = startWith(t, Options{longestSearch: time.Millisecond}, providerOf("p", listen(t, slow)), keyed(""))
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Errorf("the first channel may take as long as it likes: %d %s", a.StatusCode, a.body)
	}
}

// A total is of the whole, also where only those set it that come after the moderation.
func TestTotalOfTheChannelsEndsTheirModeration(t *testing.T) {
	policy := "    preferences: {timeout_policy: {default: {first_byte: 60, total: 0.3}}}\n"
	g := start(t, keyed("ENABLE_MODERATION: true"), providerOf("judge", listen(t, mute), "    model: [omni-moderation-latest]\n"),
		providerOf("p", listen(t, both), policy), providerOf("q", listen(t, both), policy))
	if a := g.chat(plainRequest); a.StatusCode != 503 || !strings.Contains(a.body, "timeout_policy") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
