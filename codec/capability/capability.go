// Package capability says what hosts and models take: which members a request may have and under which names, how
// thinking is asked for and switched off, how long names may be. All of it is data, in capabilities.yaml, which says
// what its keys mean, and in what users add to that in api.yaml.
//
//	t := capability.Find(capability.Query{Host: "api.mistral.ai", Format: capability.Chat, Model: "mistral-large"})
//	if t.Takes("stream_options", true) { … }
//
// A Target is found when a channel is made, never for a request, and never changes.
package capability

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// The formats, as the rules name them.
const (
	Chat      = "chat"
	Responses = "responses"
	Messages  = "messages"
	Gemini    = "gemini"
	Converse  = "converse"
	Cohere    = "cohere"
)

// Query is what is asked about.
type Query struct {
	Host   string // of the provider's address
	Place  string // what rules call the host, where that is known; it goes before Host
	Format string
	Model  string // the upstream's name of it
}

// Target is a model at a host, with what is known of both.
type Target struct {
	Query
	Capabilities
	// Known is whether the host is: what is not known of others' servers is left as it is written.
	Known bool
	// Findings are what the rules said, in the order of the keys.
	Findings []Finding
}

// Finding is what holds for one key, and which line says so.
type Finding struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// Capabilities are what a rule may say. The keys stand in capabilities.yaml.
type Capabilities struct {
	Members
	Talk
	Thinking
	Tools

	words map[string]bool
}

// Members are about what a request may have at its top.
type Members struct {
	Rename       map[string]string `yaml:"rename"`
	Limit        string            `yaml:"limit"`
	Answers      int64             `yaml:"answers"`
	Temperature  string            `yaml:"temperature"`
	Stops        *int              `yaml:"stops"`
	ServiceTiers []string          `yaml:"service_tiers"`
	UserChars    int               `yaml:"user_chars"`
	LeastTokens  int64             `yaml:"least_tokens"`
	AnswerTokens int64             `yaml:"answer_tokens"`
	TopK         string            `yaml:"top_k"`
	Betas        []string          `yaml:"betas"`
}

// Talk is about messages.
type Talk struct {
	Roles    map[string]string `yaml:"roles"`
	Media    []string          `yaml:"media"`
	Forms    string            `yaml:"media_forms"`
	Details  []string          `yaml:"details"`
	Preface  string            `yaml:"preface"`
	Thoughts string            `yaml:"thoughts"`
	IDChars  int               `yaml:"id_chars"`
	IDExact  int               `yaml:"id_exact"`
}

// When a model thinks.
const (
	Always    = "always"
	ByDefault = "default"
	WhenAsked = "asked"
	Never     = "never"
)

// Thinking is about thinking.
type Thinking struct {
	Thinks          string   `yaml:"thinks"`
	Efforts         []string `yaml:"efforts"`
	EffortWithTools string   `yaml:"effort_with_tools"`
	EffortIn        string   `yaml:"effort_in"`
	EffortBeta      string   `yaml:"effort_beta"`
	Quiet           []string `yaml:"quiet"`
	Off             string   `yaml:"off"`
	Levels          []string `yaml:"levels"`
	Budget          []int64  `yaml:"budget"`
}

// Tools is about tools and what is said of how they are called.
type Tools struct {
	NameChars       int               `yaml:"name_chars"`
	Choices         []string          `yaml:"choices"`
	ChoicesAwake    []string          `yaml:"choices_awake"`
	ChoiceWords     map[string]string `yaml:"choice_words"`
	ToolSchema      string            `yaml:"tool_schema"`
	ResultsApart    bool              `yaml:"results_apart"`
	StreamWithTools *bool             `yaml:"stream_with_tools"`
}

// Takes says whether a member or a feature is taken; otherwise is for what no rule speaks of.
func (t *Target) Takes(word string, otherwise bool) bool {
	if t == nil {
		return otherwise
	}
	if taken, said := t.words[word]; said {
		return taken
	}
	return otherwise
}

// AnswersByTool says whether an answer in JSON of a schema is asked for as what is given to a tool, since there is no
// other way.
func (t *Target) AnswersByTool() bool {
	return t != nil && (t.Format == Messages || t.Format == Converse) && !t.Takes("answer_schema", true)
}

// Refuses says whether a rule says that a member or a feature is refused.
func (t *Target) Refuses(word string) bool { return !t.Takes(word, true) }

// Refused are all words of which a rule says that they are, sorted.
func (t *Target) Refused() []string {
	var list []string
	for word, taken := range t.words {
		if !taken {
			list = append(list, word)
		}
	}
	slices.Sort(list)
	return list
}

// steps are the efforts from the weakest to the strongest.
var steps = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// IsEffort says whether a word is an effort.
func IsEffort(word string) bool { return slices.Contains(steps, word) }

// Effort is the effort that stands for another: itself, where it is known; else the weakest that is stronger, or the
// strongest that there is. It is "" where none is taken.
func (t *Target) Effort(word string) string {
	if t == nil || t.Efforts == nil || word == "" || slices.Contains(t.Efforts, word) {
		return word
	}
	at := slices.Index(steps, word)
	if at < 0 {
		return word // a word of tomorrow
	}
	strongest := ""
	for i, step := range steps {
		if slices.Contains(t.Efforts, step) {
			if strongest = step; i > at {
				break
			}
		}
	}
	return strongest
}

// Choice is the way to say whether tools are called that stands for another: auto, none, required, or named for one
// tool by its name.
func (t *Target) Choice(way string, awake bool) string {
	if t == nil {
		return way
	}
	list := t.Choices
	if awake && t.ChoicesAwake != nil {
		list = t.ChoicesAwake
	}
	switch {
	case list == nil || slices.Contains(list, way):
		return way
	case way == "named" && slices.Contains(list, "required"):
		return "required"
	case way == "named" || way == "required":
		return "auto"
	}
	return ""
}

// WholeHash is how long a hash is that nothing was cut off, in characters.
const WholeHash = 2 * sha256.Size

// UserNames are the members of OpenAI's formats for which user_chars is. What is cached is often called by the user and
// the session.
var UserNames = []string{"user", "safety_identifier", "prompt_cache_key"}

// Hashed stands for a text that is too long: always the same for the same, in the letters of hexadecimal numbers.
func Hashed(text string, most int) string {
	sum := sha256.Sum256([]byte(text))
	hashed := hex.EncodeToString(sum[:])
	return hashed[:min(len(hashed), most)]
}
