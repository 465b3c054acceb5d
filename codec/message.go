package codec

import "slices"

// Role is who speaks in a message.
type Role uint8

const (
	RoleUser Role = iota
	RoleAssistant
	RoleSystem
	RoleDeveloper
	RoleTool // holds nothing but PartToolResult
)

// Message is one turn, or a part of one: formats that allow it may have several of a role in a row.
type Message struct {
	Role  Role
	Name  string // of the speaker, where a format has it
	Parts []Part
	// Phase is commentary or final_answer, which newer OpenAI models want back.
	Phase string
	Extra Fields
}

// PartKind tells what a Part is and which of its fields count.
type PartKind uint8

const (
	PartText       PartKind = iota // Text, Citations
	PartRefusal                    // Text
	PartReasoning                  // Text, Signature, Reasoning
	PartImage                      // Media
	PartAudio                      // Media
	PartVideo                      // Media
	PartFile                       // Media
	PartToolCall                   // Call
	PartToolResult                 // Result
	PartOpaque                     // Raw: known to its own format only, such as a provider's own tool at work
)

// Part is a piece of a message. Their order is that of the message, which signatures depend on.
type Part struct {
	Kind PartKind
	// Answer says that the text is what a model gave to the tool that stands for an answer in JSON: texts beside it are
	// none of that answer.
	Answer bool
	Text   string
	// Signature proves to the provider that made it that the part is unchanged. Never sent to another.
	Signature Signature
	Media     *Media
	Call      *ToolCall
	Result    *ToolResult
	Reasoning *ReasoningInfo
	Citations []Citation
	Cache     *Cache
	// Raw is the whole of a PartOpaque, or of a call or a result that has a type of its own, in the message's own
	// format.
	Raw   []byte
	Extra Fields
}

// Signature is a provider's opaque proof. Provider is "anthropic", "google", "openai" or "mistral"; the value is kept
// as it came.
type Signature struct {
	Provider, Value string
}

// ReasoningInfo is what thinking has beside its text. Nil for plain text from a provider that signs nothing.
type ReasoningInfo struct {
	// Encrypted is thinking that only the provider can read (redacted_thinking, encrypted_content); the text is then
	// empty.
	Encrypted string
	// Summary says that the text is a summary and not the thinking itself.
	Summary bool
	// ID is the item's id at OpenAI; Format is OpenRouter's word for whose thinking it is.
	ID, Format string
}

// Media is an image, a sound, a video or a file: by its bytes, where they are, or what the provider calls them.
type Media struct {
	// MIME is the type if it is known, as in "image/png".
	MIME string
	// Data is the content in base64, URL where it can be fetched, FileID its name at the provider. One of them is set.
	Data, URL, FileID string
	// Name is a file's name; Detail is low, high or auto for images.
	Name, Detail string
	// Transcript is what is said in audio, where the provider tells.
	Transcript string
}

// ToolCall is the model's wish to call a tool.
type ToolCall struct {
	ID, Name string
	// Arguments is JSON as the model wrote it, which may be empty or cut off; for a custom tool it is any text.
	Arguments string
	Custom    bool
	Extra     Fields
}

// ToolResult is what came of a call.
type ToolResult struct {
	CallID string
	Name   string // of the tool, if the format tells
	Parts  []Part // text, images and files
	Error  bool   // the tool failed
}

// Citation is a source for a piece of an answer's text.
type Citation struct {
	URL, Title string
	// Text is the cited passage.
	Text string
	// Start and End are offsets in characters in the answer's text; both 0 if not known.
	Start, End int64
	// Raw is the citation in the format it came in.
	Raw []byte
}

// Add is append for lists that a client makes as long as it likes: it doubles their room. The runtime adds a quarter to
// long ones, and so copies each element five times.
func Add[T any](list []T, v T) []T {
	if len(list) == cap(list) {
		list = slices.Grow(list, max(len(list), 1))
	}
	return append(list, v)
}
