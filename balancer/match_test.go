package balancer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/config"
)

func TestRulesGiveCandidatesInTheirOrder(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules []string
		model string
		want  string // provider/upstream …
	}{
		{"all is every provider in the file's order", []string{"all"}, "m", "p/m q/m r/real"},
		{"a bare model is every provider that has it", []string{"m"}, "m", "p/m q/m r/real"},
		{"a bare model gives no other", []string{"m"}, "a", ""},
		{"a provider and a model", []string{"q/m"}, "m", "q/m"},
		{"a provider and a star", []string{"q/*"}, "z", "q/z"},
		{"a provider and a star give nothing it does not have", []string{"q/*"}, "a", ""},
		{"the rules' order is the priority", []string{"r/*", "p/*"}, "m", "r/real p/m"},
		{"overlapping rules name a channel once", []string{"q/m", "all"}, "m", "q/m p/m r/real"},
		{"angle brackets hold a model's whole name", []string{"<x/y>"}, "x/y", "r/x/y"},
		{"angle brackets do not look at a provider of that name", []string{"<x/y>"}, "y", ""},
		{"a slash splits provider and model", []string{"x/y"}, "y", "x/y"},
		{"a slash does not name the model with a slash", []string{"x/y"}, "x/y", ""},
		{"only the first slash splits", []string{"r/x/y"}, "x/y", "r/x/y"},
		{"a renamed model is known by its alias", []string{"r/*"}, "m", "r/real"},
		{"a renamed model's own name is gone", []string{"r/*"}, "real", ""},
		{"of equal aliases the last counts", []string{"twice/*"}, "t", "twice/new"},
		{"a key as a channel gives what that key may use", []string{"sk-sub/*", "r/m"}, "m", "q/m p/m r/real"},
		{"a key and a model give that model only", []string{"sk-sub/z"}, "m", ""},
		{"a key and a model", []string{"sk-sub/z"}, "z", "q/z"},
		{"a chain of keys", []string{"sk-chain/*"}, "z", "q/z"},
		{"a channel reached by two ways keeps its first place", []string{"p/m", "sk-sub/*"}, "m", "p/m q/m"},
		{"a key that is not configured gives nothing", []string{"sk-nobody/*", "p/m"}, "m", "p/m"},
		{"an unknown provider gives nothing", []string{"nobody/*"}, "m", ""},
		{"no rules give nothing", []string{}, "m", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("p:m,a", "q:m,z", "r:real=m,x/y", "x:y", "twice:old=t,new=t").
				key("sk-sub", "", "q/*", "p/*").key("sk-chain", "", "sk-sub/*").key("sk-test", "", test.rules...)
			if len(test.rules) == 0 {
				f.cfg.APIKeys[2].Rules = nil
			}
			key := f.build().table.Key("sk-test")
			if got := candidates(key, test.model); got != test.want {
				t.Errorf("candidates %q, want %q", got, test.want)
			}
			if listed := slices.Contains(key.Models(), test.model); listed != (test.want != "") {
				t.Errorf("the model is listed: %v", listed)
			}
		})
	}
}

// candidates are the channels of a model in their order, as provider/upstream.
func candidates(key *Key, model string) string {
	var found []string
	explained, _ := key.Explain(Attributes{Model: model})
	for _, s := range explained.Steps {
		found = append(found, s.Provider+"/"+s.Upstream)
	}
	return strings.Join(found, " ")
}

func TestModelIsListedOnceInTheOrderOfTheRules(t *testing.T) {
	f := providers("p:a,b", "q:b,c").key("sk-test", "", "q/*", "p/*").key("sk-outer", "", "a", "sk-test/c", "sk-test/*").build()
	for secret, want := range map[string]string{"sk-test": "[b c a]", "sk-outer": "[a c b]"} {
		if got := fmt.Sprint(f.table.Key(secret).Models()); got != want {
			t.Errorf("models of %s %s, want %s", secret, got, want)
		}
	}
}

func TestOverlappingRuleChangesTheWeightButNotThePlace(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules []string
		want  string
	}{
		{"the last weight counts", []string{"p/m: 1", "q/m: 1", "p/m: 3"}, "p q p p"},
		{"a rule without a weight leaves it", []string{"p/m: 3", "q/m: 1", "all"}, "p q p p"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("q", "p").key("sk", config.WeightedRoundRobin, test.rules...).build()
			if got := f.firsts("sk", 4); got != test.want {
				t.Errorf("turns %q, want %q", got, test.want)
			}
		})
	}
}

func TestKeysThatNameEachOtherEnd(t *testing.T) {
	f := providers("p", "q").
		key("sk-a", "", "sk-b/*", "p/m").key("sk-b", "", "sk-c/m", "q/m").key("sk-c", "", "sk-a/*").key("sk-self", "", "sk-self/*", "p/m").build()
	for secret, want := range map[string]string{"sk-a": "q/m p/m", "sk-b": "q/m", "sk-self": "p/m"} {
		if got := candidates(f.table.Key(secret), "m"); got != want {
			t.Errorf("channels of %s: %q, want %q", secret, got, want)
		}
	}
}

func TestChainOfKeysIsFollowedAsFarAsTheLimitWhateverTheirOrder(t *testing.T) {
	const length = maxKeyDepth + 2
	for _, order := range []string{"outermost first", "innermost first"} {
		t.Run(order, func(t *testing.T) {
			f := providers("p", "q").key("sk-0", "", "p/m")
			for i := 1; i < length; i++ {
				f.key(fmt.Sprint("sk-", i), "", fmt.Sprintf("sk-%d/*", i-1), "q/m")
			}
			if order == "outermost first" {
				slices.Reverse(f.cfg.APIKeys)
			}
			f.build()
			for i := range length {
				want := "p/m q/m"
				switch {
				case i == 0:
					want = "p/m"
				case i >= maxKeyDepth: // its rule for the key before it is too far from a provider
					want = "q/m"
				}
				if got := candidates(f.table.Key(fmt.Sprint("sk-", i)), "m"); i <= maxKeyDepth && got != want {
					t.Errorf("channels of key %d: %q, want %q", i, got, want)
				}
			}
		})
	}
}

func TestKeysWithEqualRulesShareTheirRoutesButNotTheirTurns(t *testing.T) {
	f := providers("p", "q").key("sk-a", config.RoundRobin).key("sk-b", config.RoundRobin).key("sk-c", config.RoundRobin, "q/m", "p/m").build()
	a, b, c := f.table.Key("sk-a"), f.table.Key("sk-b"), f.table.Key("sk-c")
	if a.Find("m") != b.Find("m") || a.Find("m") == c.Find("m") {
		t.Error("routes are shared by other keys than those with equal rules")
	}
	if got := f.firsts("sk-a", 3) + ", " + f.firsts("sk-b", 2) + ", " + f.firsts("sk-c", 2); got != "p q p, p q, q p" {
		t.Errorf("turns %q", got)
	}
}

func TestProvidersOfOneNameAreChannelsOfTheirOwn(t *testing.T) {
	f := providers("p", "p", "q").cooling(minute).key("sk", "", "p/*").build()
	plan := f.start("sk")
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: Unavailable})
	b, more := plan.Next()
	if !more || a.Provider == b.Provider {
		t.Error("the second provider of the name does not serve while the first rests")
	}
}
