package price

import (
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
		if got, is := l.find(name); !is || got != text {
			t.Errorf("%s is not found: %q", name, got)
		}
		if _, is := l.find(name + "\x00"); is {
			t.Errorf("what is not there is found behind %s", name)
		}
	}
	for _, name := range []string{"", "a", "zzz", "openai", "openai/"} {
		if _, is := l.find(name); is {
			t.Errorf("%q is found", name)
		}
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
		if got := p.For(test.prompt, test.service).Input; got != test.want*1_000_000 {
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
		if err == nil && (p.Input < 0 || p.Output < 0 || p.For(1, "").Input < 0) {
			t.Errorf("%q: %+v", text, p)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	l := Listed()
	for b.Loop() {
		if _, _, is := l.Of("", "gpt-4o-mini"); !is {
			b.Fatal("it is not there")
		}
	}
}
