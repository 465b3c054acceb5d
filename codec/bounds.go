package codec

import "fmt"

// What an answer may have at most. No model says more: an upstream that sends more is broken, and every piece of it
// would have to be found among all the others.
const (
	// MaxChoices is how many answers there may be to one request; OpenAI makes as many.
	MaxChoices = 128
	// MaxCalls is how many calls to tools there may be, in all choices together.
	MaxCalls = 1024
	// MaxItems is how many parts of an answer may be open at once.
	MaxItems = 1024
)

// TooMany is the error of an answer that has more of something than it may.
func TooMany(most int, what string) *Error {
	return NoAnswer(fmt.Sprintf("the upstream's answer has more than %d %s", most, what))
}
