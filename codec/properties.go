package codec

// Properties are what a format says of itself to those who carry its requests and answers, and know no format by its
// name.
type Properties struct {
	// Rules is what the table of what hosts and models take calls the format. Place is where it is spoken in this way,
	// as that table calls it, whatever the address is; "" is anywhere.
	Rules, Place string
	// Added are the members that the gateway may put into an upstream's request of its own accord.
	Added []string
	// Fetches are the kinds of media that upstreams read from an http address by themselves. A format for which that
	// depends on the address is a URLTaker.
	Fetches []PartKind

	// StreamType is the content type of a stream; nil is that of server-sent events.
	StreamType []byte
	// Heartbeat is what a client is shown within a stream that keeps it waiting; nil if clients bear nothing there.
	Heartbeat []byte
	// Pinged says that clients give up a stream in which they see nothing for long, so that they are shown it unasked.
	Pinged bool
	// Repeats says that the last event of a stream has the whole answer in it again, usage and all.
	Repeats bool
	// Bounds are the members that say how much a request may be answered with.
	Bounds *Bounds
	// Tiers are the members that ask for a service tier, each by its path; nil is ServiceTier alone.
	Tiers []string
	// TierLine is the line of an answer's head that says which service tier it was served by; "" if none does.
	TierLine string
	// Later is the member by which a request asks to be answered before it is worked on, "" if there is none.
	Later string
	// Count is the member in which clients look for how many tokens a request has.
	Count string
	// CountObject is what such an answer calls itself in its member object; "" if it does not.
	CountObject string
	// LeastTokens is the least that upstreams take for the length of an answer.
	LeastTokens int64
	// Thoughtless says that an answer that is gone on with cannot be thought about again: it is gone on with only
	// without thinking, and what was thought would be missing where a tool is called behind it.
	Thoughtless bool
	// Functions says that tools which take text are told as functions: few upstreams know others.
	Functions bool
	// Passed are the lines of a head that go along from a client to an upstream that speaks as it does.
	Passed []string
	// Flags is the line of a head that lists flags, those of a client among them; "" if there is none.
	Flags string
	// KeyQuery is the parameter of an address in which some clients have their key; "" if none do. No log line holds a
	// query.
	KeyQuery string
	// Addressed says that the model stands in the address, and a member called model is none.
	Addressed bool
}

// Bounds are members of a request, each by its path, with a full stop between names.
type Bounds struct {
	Answer   []string // the tokens of an answer at most; less than 0 is that there is no bound
	Others   []string // the same in the words of servers that read the format and more: they raise what Answer says, and are no bound where it says nothing
	Thinking []string // those for thinking, beside which an upstream of another format is given room for the answer
	Answers  []string // how many answers there are to be
	Searches Searches // those that the provider makes for an answer, and asks money for
	Each     string   // a list of prompts, each of which is answered; "" is none
	Beyond   Beyond   // what is read that the request does not hold

	mentioned mentioned // made at the first use
}

// OtherAnswer are the names that servers which people run themselves read beside or before those of the format, in
// bodies that pass as they are: llama.cpp's n_predict, which it prefers to max_tokens (tools/server/README.md), and
// n_cmpl; Ollama's num_predict; max_new_tokens of TGI, SGLang and Transformers; TabbyAPI's max_length; and those of
// hosts of open models.
var (
	OtherAnswer = []string{
		"n_predict", "num_predict", "options.num_predict", "max_new_tokens", "parameters.max_new_tokens", "sampling_params.max_new_tokens", "max_length", "max_output_tokens",
		"max_generated_tokens", "max_gen_len", "maxTokens", "maxOutputTokens", "tokens_to_generate",
	}
	OtherAnswers = []string{"n_cmpl", "num_generations", "num_return_sequences", "parameters.best_of", "sampling_params.n"}
)

// Searches is how a request asks the provider to search.
type Searches struct {
	Members []string // of the request, objects that ask for a search of the web
	Web     []string // how the type of a tool begins that searches the web
	Files   []string // that of one which searches the client's files
	Code    []string // that of one which runs programs
	Named   []string // members of a tool, objects that make it one which searches the web
	Maps    []string // members of a tool, objects that make it one which asks maps
	Size    string   // in one of Members: the size of the context that is searched for
	Preview []string // how the type of an older tool begins that searches the web at another price
	Uses    string   // in such a tool: how often it may be used
	Calls   string   // in the request: how often all of them may be
}

// URLTaker is a format whose upstreams read some addresses by themselves, and others not.
type URLTaker interface{ TakesURL(*Media) bool }

// Comment is the Heartbeat of streams in which clients pass over comments.
var Comment = []byte(": keepalive\n\n")
