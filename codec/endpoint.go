package codec

// Endpoint is which of a provider's services a request is for. Its text is what
// the service's path ends in at OpenAI.
type Endpoint string

// The endpoints. Chat is the one for conversations, in whatever format the
// provider has it; CountTokens and Compact are for a conversation too.
const (
	Chat           Endpoint = "chat/completions"
	CountTokens    Endpoint = "messages/count_tokens"
	Compact        Endpoint = "responses/compact"
	Completions    Endpoint = "completions"
	Embeddings     Endpoint = "embeddings"
	Images         Endpoint = "images/generations"
	ImageEdits     Endpoint = "images/edits"
	Transcriptions Endpoint = "audio/transcriptions"
	Translations   Endpoint = "audio/translations"
	Speech         Endpoint = "audio/speech"
	Moderations    Endpoint = "moderations"
	Rerank         Endpoint = "rerank"
	Search         Endpoint = "search"
)

// PassedOn are those of OpenAI's that are no conversation: they go to a provider as they
// come, at the path that OpenAI has for them. A line is all that another one takes.
var PassedOn = []struct {
	Endpoint Endpoint
	Fallback string // what uni-api takes for a missing model
}{
	{Embeddings, ""},
	{Images, "dall-e-3"},
	{ImageEdits, "gpt-image-2"},
	{Transcriptions, ""},
	{Translations, ""},
	{Speech, ""},
	{Moderations, "omni-moderation-latest"},
	{Rerank, ""},
}
