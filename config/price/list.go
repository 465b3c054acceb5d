package price

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// listed are the list prices, a line for each model: provider/model, a tab, and the price. The first line says of when
// they are. What a line says is read when it is asked for.
//
//go:embed list.txt
var listed string

// List is a list of prices.
type List struct {
	// Date is of when the prices are.
	Date string
	head string // the line that says so
	text string // sorted lines

	indexed sync.Once
	lines   []entryLine
	first   map[string]int32 // by model, of lines
}

// entryLine is where a line begins, and which other one is of a model with the same name.
type entryLine struct{ begin, next int32 }

// none is no line.
const none = -1

// Listed is the list that the program has with it.
func Listed() *List { return read(listed) }

func read(text string) *List {
	head, lines, _ := strings.Cut(text, "\n")
	l := &List{head: head, text: lines}
	if fields := strings.Fields(head); len(fields) > 1 {
		l.Date = fields[1]
	}
	return l
}

// find is what stands behind a provider's model; false if it is not there. Whoever looks for a model asks many
// providers for it, nearly all in vain: so one look tells whether anybody has it.
func (l *List) find(provider, model string) (string, bool) {
	l.indexed.Do(l.index)
	at, is := l.first[model]
	if !is {
		return "", false
	}
	for ; at != none; at = l.lines[at].next {
		line, _, _ := strings.Cut(l.text[l.lines[at].begin:], "\n")
		name, rest, _ := strings.Cut(line, "\t")
		if len(name) == len(provider)+1+len(model) && strings.HasPrefix(name, provider) {
			return rest, true
		}
	}
	return "", false
}

// index finds the lines, once.
func (l *List) index() {
	n := strings.Count(l.text, "\n") + 1
	l.lines, l.first = make([]entryLine, 0, n), make(map[string]int32, n)
	for begin := 0; begin < len(l.text); {
		line, _, _ := strings.Cut(l.text[begin:], "\n")
		name, _, _ := strings.Cut(line, "\t")
		if _, model, is := strings.Cut(name, "/"); is {
			next, others := l.first[model]
			if !others {
				next = none
			}
			l.first[model] = int32(len(l.lines))
			l.lines = append(l.lines, entryLine{int32(begin), next})
		}
		begin += len(line) + 1
	}
}

// makers are the providers whose prices hold for a model where the provider is none of the list, such as a reseller:
// those who made it.
var makers = [...]string{"openai", "anthropic", "gemini", "deepseek", "mistral", "xai", "moonshot", "zai", "dashscope", "minimax", "cohere", "voyage", "perplexity", "jina_ai"}

// ofOpenAI are models of OpenAI's: what it sells no longer itself, as dall-e-3, costs what Azure asks.
var ofOpenAI = regexp.MustCompile(`^(gpt-|dall-e-|whisper|tts-|o[134]\b|text-embedding-)`)

// versions are the ends of names that tell one state of a model from another, and do not change its price; 0 is any
// digit. The longer ones come first: some end as others do. Thousands of names are looked at when the gateway starts,
// for which regular expressions are slow.
var versions = [...]string{"-0000-00-00", "-00000000", "@00000000", "-00-0000", "@default", "-latest", "@latest", "-000"}

// Unversioned is a model's name without what tells its state.
func Unversioned(model string) string {
	for _, version := range versions {
		if endsAs(model, version) {
			return model[:len(model)-len(version)]
		}
	}
	return model
}

func endsAs(model, version string) bool {
	if len(model) < len(version) {
		return false
	}
	end := model[len(model)-len(version):]
	for i := range len(end) {
		if is := version[i] == '0' && '0' <= end[i] && end[i] <= '9'; !is && end[i] != version[i] {
			return false
		}
	}
	return true
}

// Entry is what a list says of a model.
type Entry struct {
	Price Price
	Name  string // of the entry, provider/model
	Most  int64  // tokens that the model answers with at most; 0 is unknown
}

// Of is what a provider asks for a model by its list. The provider is "" where nobody knows who it is: then it is what
// the model's maker asks. A name may be of a version that the list has no entry for, or have the maker's name before
// it.
func (l *List) Of(provider, model string) (Entry, bool) {
	if model == "" || len(model) > 200 || strings.ContainsAny(model, "\t\n") {
		return Entry{}, false
	}
	for _, name := range [...]string{model, Unversioned(model)} {
		for {
			if provider != "" {
				if e, ok := l.entry(provider, name); ok {
					return e, true
				}
			} else {
				for _, maker := range makers {
					if e, ok := l.entry(maker, name); ok {
						return e, true
					}
				}
			}
			_, after, has := strings.Cut(name, "/")
			if !has || provider != "" {
				break
			}
			name = after
		}
	}
	if name := strings.TrimPrefix(model, "openai/"); (provider == "" || provider == "openai") && ofOpenAI.MatchString(name) {
		return l.Of("azure", name)
	}
	return Entry{}, false
}

func (l *List) entry(provider, model string) (Entry, bool) {
	text, is := l.find(provider, model)
	if !is {
		return Entry{}, false
	}
	e, err := parseEntry(text)
	e.Name = provider + "/" + model
	return e, err == nil
}

// hosts are the providers of the list by what their addresses end with.
var hosts = []struct{ host, provider string }{
	{"api.openai.com", "openai"}, {"api.anthropic.com", "anthropic"}, {"generativelanguage.googleapis.com", "gemini"}, {"aiplatform.googleapis.com", "vertex_ai"},
	{"amazonaws.com", "bedrock"}, {"openai.azure.com", "azure"}, {"services.ai.azure.com", "azure"}, {"api.deepseek.com", "deepseek"}, {"api.mistral.ai", "mistral"}, {"api.x.ai", "xai"},
	{"api.moonshot.ai", "moonshot"}, {"api.moonshot.cn", "moonshot"}, {"api.z.ai", "zai"}, {"aliyuncs.com", "dashscope"}, {"api.minimax.io", "minimax"},
	{"api.cohere.com", "cohere"}, {"api.cohere.ai", "cohere"}, {"api.voyageai.com", "voyage"}, {"api.perplexity.ai", "perplexity"}, {"api.jina.ai", "jina_ai"},
	{"api.groq.com", "groq"}, {"api.cerebras.ai", "cerebras"}, {"api.together.xyz", "together_ai"}, {"api.fireworks.ai", "fireworks_ai"}, {"api.sambanova.ai", "sambanova"},
	{"api.deepinfra.com", "deepinfra"}, {"openrouter.ai", "openrouter"}, {"api.cloudflare.com", "cloudflare"}, {"api.hyperbolic.xyz", "hyperbolic"}, {"api.studio.nebius.com", "nebius"},
	{"api.novita.ai", "novita"}, {"volces.com", "volcengine"}, {"api.ai21.com", "ai21"}, {"api.tavily.com", "tavily"},
}

// ProviderAt is the provider of the list that a host is of; "" if it is none.
func ProviderAt(host string) string {
	host, _, _ = strings.Cut(host, ":")
	for _, h := range hosts {
		if host == h.host || strings.HasSuffix(host, "."+h.host) {
			return h.provider
		}
	}
	return ""
}
