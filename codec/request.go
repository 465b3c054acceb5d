package codec

import (
	"encoding/json"
	"slices"

	"uniapi/codec/capability"
)

// Request is a request for a chat answer. Numbers that only pass through keep their spelling in json.Number; "" is
// absent, as is nil.
type Request struct {
	// Format names the format that it was decoded from, which is the one that Extra is in.
	Format string
	// Model is the name that the client asked for.
	Model  string
	Stream bool
	// IncludeUsage is whether a client of a format where one must ask wants usage at the end of a stream.
	IncludeUsage bool

	// Messages has the system and developer messages in their places; formats that keep them apart collect them.
	Messages []Message

	Tools      []Tool
	ToolChoice ToolChoice
	// ParallelToolCalls false forbids more than one tool call in an answer.
	ParallelToolCalls *bool
	// LegacyFunctions says that the client speaks of functions and not of tools, and expects function_call in the
	// answer.
	LegacyFunctions bool

	MaxTokens        *int64 // of the answer, thinking included
	N                *int64 // answers wanted
	TopK             *int64
	Seed             json.Number
	Temperature      json.Number
	TopP             json.Number
	FrequencyPenalty json.Number
	PresencePenalty  json.Number
	Stop             []string
	LogProbs         *bool
	TopLogProbs      *int64
	Output           *OutputFormat
	Reasoning        *Reasoning
	Verbosity        string // low, medium, high
	Modalities       []string
	User             string // the end user, for abuse tracking
	ServiceTier      string
	// Cache is a marker on the whole request: cache as far as possible.
	Cache *Cache

	Extra Fields

	// Body is the request as it came, for estimating its tokens.
	Body []byte

	// Target is whom it is encoded for. Nil is a host of which nothing is known but its format.
	Target *capability.Target
}

// For is the target, or what is known of a model where the format is spoken.
func (r *Request) For(format, place, model string) *capability.Target {
	if r.Target != nil {
		return r.Target
	}
	return capability.Find(capability.Query{Format: format, Place: place, Model: model})
}

// Reasoning is how much the model shall think. Formats say it by effort, by budget or both; which a model takes is the
// encoder's to know.
type Reasoning struct {
	// Effort is none, minimal, low, medium, high, xhigh or max; "" if it was not said so.
	Effort string
	// Budget is a limit in tokens.
	Budget *int64
	// Adaptive leaves the amount to the model; Disabled forbids thinking.
	Adaptive, Disabled bool
	// Summary is whether and how thinking is shown: auto, concise, detailed, summarized, omitted.
	Summary string
}

// OutputFormat is the form that the answer's text must have.
type OutputFormat struct {
	Kind        OutputKind
	Name        string
	Description string
	Schema      json.RawMessage // for OutputSchema
	Strict      *bool
	// Bare says that an answer that is one word is wanted without quotes, and Wrapped that Schema is that of
	// schema.Wrap, in whose object the answer will come. ByTool says that the answer is asked for as what is given to a
	// tool.
	Bare, Wrapped, ByTool bool
}

// OutputKind tells free text from JSON, and JSON from JSON of a schema.
type OutputKind uint8

const (
	OutputText OutputKind = iota
	OutputJSON
	OutputSchema
)

// Tool is something that the model may call.
type Tool struct {
	Kind        ToolKind
	Name        string
	Description string
	// Schema is the JSON schema of a function's arguments; nil if it takes none.
	Schema json.RawMessage
	Strict *bool
	// Grammar is the format member of a custom tool, whose input is text, as Responses has it:
	// {"type":"grammar","syntax":…,"definition":…}.
	Grammar json.RawMessage
	// Raw is a hosted tool (web search, code execution) as its own format writes it, or a function that there has a
	// type of its own (bash, apply_patch) in place of a schema.
	Raw   json.RawMessage
	Cache *Cache
	Extra Fields
}

// ToolKind tells how a tool is called and who runs it.
type ToolKind uint8

const (
	ToolFunction ToolKind = iota // called with a JSON object, run by the client
	ToolCustom                   // called with text, run by the client
	ToolHosted                   // run by the provider
)

// ToolChoice says whether the model must, may or must not call tools.
type ToolChoice struct {
	Mode ToolMode
	// Name is the tool of ToolNamed, and Custom its kind; a hosted one is called by its type.
	Name           string
	Custom, Hosted bool
	// Allowed are the names of the tools that may be called, out of all: nil is all of them. Raw is their list as it
	// came.
	Allowed []string
	Raw     json.RawMessage
}

// fewNames are looked for one by one: a map of them would cost more.
const fewNames = 16

// Allows returns what says of a tool, by its name, whether it may be called.
func (c *ToolChoice) Allows() func(name string) bool {
	switch {
	case c.Allowed == nil:
		return func(string) bool { return true }
	case len(c.Allowed) <= fewNames:
		return func(name string) bool { return slices.Contains(c.Allowed, name) }
	}
	allowed := make(map[string]bool, len(c.Allowed))
	for _, name := range c.Allowed {
		allowed[name] = true
	}
	return func(name string) bool { return allowed[name] }
}

// ToolMode is the wish about tool calls; the zero value leaves it to the provider.
type ToolMode uint8

const (
	ToolDefault ToolMode = iota
	ToolAuto
	ToolNone
	ToolRequired
	ToolNamed
)

// Cache marks the end of a prefix that is worth caching (Anthropic's cache_control, Bedrock's cachePoint).
type Cache struct {
	TTL string // "5m", "1h", or "" for the default
}

// Without is the request without tools or images, for a provider that takes none. What is left of a message always has
// a part.
func (r *Request) Without(tools, images bool) *Request {
	c := *r
	if tools {
		c.Tools, c.ToolChoice, c.ParallelToolCalls = nil, ToolChoice{}, nil
	}
	if !images {
		return &c
	}
	c.Messages = make([]Message, len(r.Messages))
	for i, m := range r.Messages {
		isImage := func(p Part) bool { return p.Kind == PartImage }
		if slices.ContainsFunc(m.Parts, isImage) {
			m.Parts = slices.DeleteFunc(slices.Clone(m.Parts), isImage)
			if len(m.Parts) == 0 {
				m.Parts = []Part{{Kind: PartText, Text: "[image removed: this provider takes none]"}}
			}
		}
		c.Messages[i] = m
	}
	return &c
}
