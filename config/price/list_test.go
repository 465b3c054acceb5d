package price

import (
	"regexp"
	"sort"
	"strings"
	"testing"
)

// TestListIsSortedAndEveryLineOfItIsRead looks at the whole list.
func TestListIsSortedAndEveryLineOfItIsRead(t *testing.T) {
	l := Listed()
	if len(l.Date) != len("2026-01-31") {
		t.Errorf("the list is of %q", l.Date)
	}
	lines := strings.Split(strings.TrimSuffix(l.text, "\n"), "\n")
	if len(lines) < 500 || !sort.StringsAreSorted(lines) {
		t.Errorf("%d lines, sorted: %v", len(lines), sort.StringsAreSorted(lines))
	}
	for _, line := range lines {
		name, text, _ := strings.Cut(line, "\t")
		if _, err := parse(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, is := l.find(split(name)); !is || got != text {
			t.Errorf("%s is not found: %q", name, got)
		}
		if _, is := l.find(split(name + "\x00")); is {
			t.Errorf("what is not there is found behind %s", name)
		}
	}
	for _, name := range []string{"", "a", "zzz", "openai", "openai/"} {
		if _, is := l.find(split(name)); is {
			t.Errorf("%q is found", name)
		}
	}
}

// split takes an entry's name apart.
func split(name string) (provider, model string) {
	provider, model, _ = strings.Cut(name, "/")
	return provider, model
}

// TestListHasTheSearchesOfModels holds what is paid for the searches that a provider makes, by what it tells of them.
func TestListHasTheSearchesOfModels(t *testing.T) {
	for _, test := range []struct{ provider, model, request, search string }{
		{"openai", "gpt-4o-search-preview", "0.025", "0"}, // each answer is searched for, and none says how often
		{"openai", "gpt-4o-mini-search-preview", "0.025", "0"},
		{"openai", "gpt-5-search-api", "0.01", "0"},
		{"openai", "gpt-5", "0", "0.01"},
		{"openai", "gpt-4o", "0", "0.01"},
		{"openai", "gpt-4.1", "0", "0.01"},
		{"xai", "grok-4.5", "0", "0.005"},
		{"tavily", "search", "0", "0.008"},
		{"anthropic", "claude-sonnet-4-5", "0", "0.01"},
		{"gemini", "gemini-2.5-flash", "0", "0.035"},
		{"gemini", "gemini-3.8-flash", "0", "0.014"},
		{"perplexity", "sonar", "0.005", "0"},
		{"perplexity", "sonar-pro", "0.006", "0"},
		{"perplexity", "sonar-deep-research", "0", "0.005"},
		{"deepseek", "deepseek-v4-flash", "0", "0"},
	} {
		e, is := Listed().Of(test.provider, test.model)
		request, search := Dollars(e.Price.Or(PerRequest, 0), Places("per_request")), Dollars(e.Price.Or(PerSearch, 0), Places("per_search"))
		if !is || request != test.request || search != test.search {
			t.Errorf("%s %s: %s a request, %s a search", test.provider, test.model, request, search)
		}
		if e.Price.CacheWrite < e.Price.Input && test.provider == "deepseek" {
			t.Errorf("%s: what is written into a cache is free", test.model)
		}
	}
}

func TestListHasSearchesByTheirKind(t *testing.T) {
	for _, test := range []struct {
		provider, model, kind string
		request, search       string
	}{
		{"openai", "gpt-4.1", "preview", "0", "0.025"}, {"openai", "gpt-4.1", "high", "0", "0.01"}, {"openai", "gpt-4o", "preview", "0", "0.025"}, {"openai", "gpt-5", "preview", "0", "0.01"},
		{"perplexity", "sonar", "", "0.005", "0"}, {"perplexity", "sonar", "low", "0.005", "0"}, {"perplexity", "sonar", "medium", "0.008", "0"}, {"perplexity", "sonar", "high", "0.012", "0"},
		{"perplexity", "sonar-pro", "high", "0.014", "0"}, {"perplexity", "sonar-deep-research", "high", "0", "0.005"},
	} {
		e, is := Listed().Of(test.provider, test.model)
		request, search := Dollars(e.Price.Search(PerRequest, test.kind), Places("per_request")), Dollars(e.Price.Search(PerSearch, test.kind), Places("per_search"))
		if !is || request != test.request || search != test.search {
			t.Errorf("%s %s %s: %s a request, %s a search", test.provider, test.model, test.kind, request, search)
		}
	}
	if e, is := Listed().Of("", "search"); is {
		t.Errorf("a service that searches, which nobody knows, is taken for %s", e.Name)
	}
}

func TestListHasImagesBySizeAndQuality(t *testing.T) {
	for _, test := range []struct {
		provider, model, entry, size, quality string
		want                                  string
	}{
		{"openai", "gpt-image-1", "openai/gpt-image-1", "1024x1536", "medium", "0.063"},
		{"openai", "gpt-image-1", "openai/gpt-image-1", "auto", "low", "0.016"},
		{"azure", "dall-e-3", "azure/dall-e-3", "", "", "0.044"},
		{"azure", "dall-e-3", "azure/dall-e-3", "1792x1024", "hd", "0.132"},
		{"openai", "dall-e-3", "azure/dall-e-3", "", "hd", "0.088"}, // OpenAI has it no more
		{"", "openai/dall-e-3", "azure/dall-e-3", "1024x1792", "", "0.088"},
		{"xai", "grok-imagine-image", "xai/grok-imagine-image", "", "", "0.02"},
	} {
		e, is := Listed().Of(test.provider, test.model)
		if got := Dollars(e.Price.Image(test.size, test.quality), Places("per_image")); !is || e.Name != test.entry || got != test.want {
			t.Errorf("%s %s, %q %q: %s by %s, want %s by %s", test.provider, test.model, test.size, test.quality, got, e.Name, test.want, test.entry)
		}
	}
	if e, is := Listed().Of("", "flux.2-pro"); is {
		t.Errorf("what others sell at Azure is priced by %s where nobody knows who sells it", e.Name)
	}
}

func TestForChoosesTheTierThatFits(t *testing.T) {
	p, err := parse("input=1 output=1 >100:input=2 >200:input=3 flex:input=4 flex>200:input=5")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		prompt  int64
		service string
		want    int64
	}{
		{100, "", 1}, {101, "", 2}, {200, "", 2}, {201, "", 3}, {1, "flex", 4}, {150, "flex", 4}, {300, "flex", 5}, {1, "unknown", 1}, {300, "unknown", 3},
	} {
		if got := p.For(test.prompt, test.service, 0).Input; got != test.want*1_000_000 {
			t.Errorf("%d tokens, %q: %d, want %d", test.prompt, test.service, got, test.want)
		}
	}
}

func TestProviderAtKnowsHosts(t *testing.T) {
	for host, want := range map[string]string{
		"api.openai.com": "openai", "eu.api.openai.com": "openai", "notapi.openai.com.example": "", "evilapi.openai.com": "", "bedrock-runtime.us-east-1.amazonaws.com": "bedrock", "127.0.0.1": "", "": "",
	} {
		if got := ProviderAt(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("input=1 output=2 >200000:input=2.5 flex>1:cached=0.1 per_image=0.04")
	f.Add("a:b=1 =1 >x:input=1")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse(text)
		if err == nil && (p.Input < 0 || p.Output < 0 || p.For(1, "", 0).Input < 0) {
			t.Errorf("%q: %+v", text, p)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	l := Listed()
	for _, c := range []struct {
		name, model string
		is          bool
	}{{"listed", "gpt-4o-mini", true}, {"nobody's", "vendor/model-17-2026-01-01", false}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, is := l.Of("", c.model); is != c.is {
					b.Fatal(is)
				}
			}
		})
	}
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			Listed().index()
		}
	})
}

func TestUnversionedLeavesOutWhatTellsAState(t *testing.T) {
	for name, want := range map[string]string{
		"gpt-4o": "gpt-4o", "gpt-4o-2024-08-06": "gpt-4o", "claude-sonnet-4-20250514": "claude-sonnet-4", "claude-3-5-haiku@20241022": "claude-3-5-haiku",
		"gemini-2.0-flash-001": "gemini-2.0-flash", "gemini-2.5-flash-09-2025": "gemini-2.5-flash", "mistral-large-latest": "mistral-large",
		"m@default": "m", "m@latest": "m", "m-default": "m-default", "m-12": "m-12", "m-1234": "m-1234", "m@001": "m@001", "-000": "", "000": "000", "": "",
		"m-2024-08-0a": "m-2024-08-0a", "m-latest-001": "m-latest",
	} {
		if got := Unversioned(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// What versions say is what this expression says.
func FuzzUnversioned(f *testing.F) {
	version := regexp.MustCompile(`(-(latest|\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{3})|@(\d{8}|default|latest))$`)
	for _, name := range []string{"m-2024-08-06", "m-20240806", "m@20240806", "m-08-2024", "m@default", "m-latest", "m-001", "m-1-2024-08-06"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := Unversioned(name), version.ReplaceAllString(name, ""); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	})
}
