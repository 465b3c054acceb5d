package codec

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// remap is a text in an error that tells more than its status.
type remap struct {
	text   string // lower case
	only   int    // errors of that status; 0 is any
	status int    // 0 is the error's own
	class  Class
}

// remaps are looked for in all that an upstream says. The first that is there counts.
var remaps = []remap{
	{"request too large for", 413, 0, OverLimit},              // Groq, of the minute's tokens
	{"request too large for", 429, 0, OverLimit},              // OpenAI, of the minute's tokens
	{"tokens_limit_reached", 413, 0, OverLimit},               // GitHub Models, of the plan's tokens for a request
	{"required for long context requests", 429, 0, OverLimit}, // Anthropic, of a subscription
	{"can only afford 0", 402, 402, Auth},                     // OpenRouter: nothing is left
	{"fewer max_tokens", 402, 0, OverLimit},                   // OpenRouter: something is left
	{"prompt tokens limit exceeded", 402, 0, OverLimit},       // OpenRouter
	{"string_above_max_length", 0, 413, TooLong},
	{"must be less than max_seq_len", 0, 413, TooLong},
	{"please reduce the length of the messages or completion", 0, 413, TooLong},
	{"please reduce the length of either one, or use the", 0, 413, TooLong},
	{"exceeds the maximum number of tokens allowed", 0, 413, TooLong},
	{"request contains text fields that are too large", 0, 413, TooLong},
	{"context_length_exceeded", 0, 400, TooLong},
	{"maximum context length", 0, 400, TooLong},
	{"prompt is too long", 0, 400, TooLong},
	{"input is too long", 0, 400, TooLong},
	{"provider api error: bad response status code 400", 400, 502, Server},
	{"model pricing not configured", 400, 502, Server},
	{"model_price_error", 400, 502, Server},
	{"azure openai's content management policy", 0, 403, ContentPolicy},
	{"content violates usage guidelines", 403, 0, ContentPolicy}, // xAI
	{"input was flagged", 403, 0, ContentPolicy},                 // OpenRouter
	{"flagged_input", 403, 0, ContentPolicy},                     // OpenRouter
	{"content_filter", 400, 400, ContentPolicy},
	{"content_policy_violation", 400, 400, ContentPolicy},
	{"content_policy_violation", 403, 0, ContentPolicy},
	{"have access to the model", 403, 404, NotFound}, // Bedrock
}

// faults are those that tell of a fault of the account's or the channel's. A client can have an upstream repeat its own
// words when it refuses them, so in such an error they count only where the upstream speaks: in its code, its type, its
// reason, or at the beginning of its message.
var faults = []remap{
	{"api_key_invalid", 0, 401, Auth},
	{"api key not valid", 0, 401, Auth},
	{"api key not found", 0, 401, Auth},
	{"api key expired", 0, 401, Auth},
	{"user location is not supported for the api use", 0, 403, Auth},
	{"your credit balance is too low", 400, 402, Auth},                   // Anthropic
	{"you have reached your specified api usage limits", 400, 402, Auth}, // Anthropic, of the money that the account may spend
	{"insufficient_quota", 0, 429, RateLimit},
	{"model_not_found", 0, 404, NotFound},
	{"deploymentnotfound", 0, 404, NotFound},
}

// repeats says whether an error of a status may repeat what it refuses.
func repeats(status int) bool {
	return status < 500 && !slices.Contains([]int{401, 402, 403, 429}, status)
}

// searchLimit bounds how much of an error's text is searched: the words are near its start, and pages of HTML are long.
const searchLimit = 8 << 10

// Classify sets Class, and Status where the text says more than the status, from Status, Code, Type, Reason, Message
// and text (the whole body or object). Type is filled in if it is empty.
func (e *Error) Classify(text []byte) {
	e.Bound()
	if e.Status < 400 || e.Status > 599 {
		e.Status = 502
	}
	e.Class = classOf(e.Status)
	words, message := strings.ToLower(e.Code+" "+e.Type+" "+e.Reason), strings.ToLower(e.Message)
	all := words + " " + message + " " + strings.ToLower(string(text[:min(len(text), searchLimit)]))
	speaks := func(r remap) bool {
		if repeats(e.Status) {
			return strings.Contains(words, r.text) || strings.HasPrefix(message, r.text)
		}
		return strings.Contains(all, r.text)
	}
	switch {
	case e.remap(remaps, func(r remap) bool { return strings.Contains(all, r.text) }):
	case e.remap(faults, speaks):
	case e.isMissing(words, message):
		e.Class = Missing
	case e.Status == 403 && e.Raw != nil && aboutContent.MatchString(words+" "+message) && !aboutAccount.MatchString(message):
		e.Class = ContentPolicy
	}
	e.Type = cmp.Or(e.Type, typeOf(e.Status))
}

// aboutContent is how a 403 tells that it is about what the request says, and aboutAccount how one tells that it is
// about who asks.
var (
	aboutContent = regexp.MustCompile(`content[ _-](?:policy|filter|moderation|management)|moderat(?:ion|ed)|\bflagged\b|safety (?:system|policy|policies|guidelines|filter)|usage (?:policy|policies|guidelines)|responsible[ _]ai|prohibited[ _]content|\bharmful\b|\bunsafe\b|\binappropriate\b|policy[ _-]violation|violat\w+ [^.]{0,40}\bpolic|content exists risk|sensitive (?:content|information|words?)`)
	aboutAccount = regexp.MustCompile(`\b(?:account|organi[sz]ation|api key|terminated|suspended|banned|deactivated|disabled|access (?:to|was|has|is))\b`)
)

// remap applies the first of a list that is there.
func (e *Error) remap(list []remap, is func(remap) bool) bool {
	for _, r := range list {
		if (r.only == 0 || r.only == e.Status) && is(r) {
			e.Status, e.Class = cmp.Or(r.status, e.Status), r.class
			return true
		}
	}
	return false
}

// keptThings are what accounts keep for their requests, as errors name it, and absences how they say that it is not
// there or is another account's.
var (
	keptThings = regexp.MustCompile(`\b(?:files?|cached ?contents?|(?:response|item|prompt) with id|vector store|conversation|container|batch|upload|thread|assistant)\b`)
	absences   = regexp.MustCompile(`not found|no such|not exist|n't exist|permission|expired`)
)

// isMissing says whether an error is about a thing that the request named and the account does not keep. What is no
// object does not come from where things are kept, and what speaks of the model is about that.
func (e *Error) isMissing(words, message string) bool {
	switch {
	case strings.Contains(words, "previous_response_not_found"):
		return true
	case e.Status != 404 && e.Status != 403, e.Raw == nil, strings.Contains(message, "model"), strings.Contains(message, "deployment"):
		return false
	}
	return keptThings.MatchString(message) && absences.MatchString(message)
}

// promptLimit is how limits of tokens are worded by Anthropic, and by Google.
var promptLimit = regexp.MustCompile(`(?i)\bof ([\d,]+) input tokens per minute|input_token_count, limit: (\d+)`)

// PromptLimit is how many tokens of prompts the account may send in a minute, as far as a limit's error says so; 0 if
// it does not. A prompt that is larger is refused however long it waits.
func (e *Error) PromptLimit() int64 {
	m := promptLimit.FindStringSubmatch(e.Message)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1]+m[2], ",", ""), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func classOf(status int) Class {
	switch status {
	case 401, 402, 403:
		return Auth
	case 404:
		return NotFound
	case 408, 409, 425, 503, 504, 529:
		return Unready
	case 413:
		return TooLong
	case 429:
		return RateLimit
	}
	if status < 500 {
		return ClientMistake
	}
	return Server
}

// typeOf is the OpenAI error type for a status.
func typeOf(status int) string {
	switch {
	case status == 403:
		return "permission_error"
	case status == 429:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}
