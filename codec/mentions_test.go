package codec

import (
	"strings"
	"testing"
)

func TestMentionsAreWhatStandsInARequest(t *testing.T) {
	b := &Bounds{
		Searches: Searches{Members: []string{"web_search_options"}, Web: []string{"web_search"}, Preview: []string{"web_search_preview"}, Files: []string{"file_search"}, Named: []string{"googleSearch"}},
		Beyond:   Beyond{Within: []string{"file_id"}},
	}
	const both = MentionsSearch | MentionsSearchKind
	for _, c := range []struct {
		body string
		want Mentions
	}{
		{`{"model":"m","messages":[{"role":"user","content":"search 1h in \"service_tiers\""}]}`, 0},
		{`{"cache_control":{"ttl":"1h"}}`, MentionsHourOfCache},
		{`{"service_tier":"flex"}`, MentionsServiceTier},
		{`{"serviceTier":"flex"}`, MentionsServiceTier},
		{`{"speed":"fast"}`, MentionsServiceTier},
		{`{"messages":[{"content":"service_tier"}]}`, MentionsServiceTier}, // it may stand elsewhere
		{`{"web_search_options":{}}`, both},
		{`{"tools":[{"type":"web_search_20250305"}]}`, MentionsSearch},
		{`{"tools":[{"type":"web_search_preview_2025_03_11"}]}`, both},
		{`{"tools":[{"type":"file_search"}]}`, MentionsSearch},
		{`{"tools":[{"googleSearch":{}}]}`, MentionsSearch},
		{`{"tools":[{"google_search":{}}]}`, 0},
		{`{"s\u0065rvice_tier":"flex"}`, MentionsEscapes},
		{`{"ttl":"\u0031h"}`, MentionsEscapes},
		{`{"content":"\u003cb\u003e \u0026 \u4f60 \u0022 caf\u00e9"}`, 0},
		{`"`, 0},
		{``, 0},
		{`""`, 0},
		{`{"a":"\u00`, 0},
	} {
		const all = both | MentionsHourOfCache | MentionsServiceTier | MentionsEscapes
		if got := b.Mentions([]byte(c.body)) & all; got != c.want {
			t.Errorf("%s: %b, want %b", c.body, got, c.want)
		}
	}
	if got := (*Bounds)(nil).Mentions([]byte(`{"service_tier":"flex","ttl":"1h"}`)); !got.Plainly(MentionsServiceTier) || !got.May(MentionsHourOfCache) || got.May(MentionsSearch) {
		t.Errorf("without bounds: %b", got)
	}
}

// FuzzBoundsMayName holds the looks at a name's first letter and length to a comparison with every name.
func FuzzBoundsMayName(f *testing.F) {
	b := &Bounds{Answer: []string{"max_tokens", "options.num_predict"}, Answers: []string{"n"}, Each: "prompt", Beyond: Beyond{Members: []string{"prompt.id", "search_settings"}}}
	for _, name := range []string{"n", "N", "Max_Tokens", "max_to\u212aens", "\u017fearch_settings", "tools", "", "messages", "OPTIONS"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, known := range []string{"max_tokens", "options", "n", "prompt", "search_settings", "tools"} {
			if strings.EqualFold(name, known) && !b.MayName(name) {
				t.Errorf("%q is overlooked", name)
			}
			paths := func(of []Path) (n int) {
				for _, p := range of {
					if strings.EqualFold(name, known) && p.Name == known {
						n++
					}
				}
				return n
			}
			if got, want := paths(b.Paths(name)), paths(b.mentioned.anyPath); got != want {
				t.Errorf("of the %d paths that begin with %q there are %d", want, name, got)
			}
		}
	})
}
