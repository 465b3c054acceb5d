package fit

import (
	"fmt"
	"strconv"
	"strings"

	"uniapi/codec"
)

// mostNumbered is how many messages are told apart.
const mostNumbered = 8

// Changed names what is another in a request as it is sent than as it came, for who reads the log of requests. What is
// not changed is shared by the two, so places in memory are compared, and no text is read.
func Changed(came, sent *codec.Request) (changed []string) {
	for _, one := range []struct {
		name string
		is   bool
	}{
		{"tools", !same(came.Tools, sent.Tools)},
		{"tool choice", came.ToolChoice.Mode != sent.ToolChoice.Mode || came.ToolChoice.Name != sent.ToolChoice.Name || !same(came.ToolChoice.Allowed, sent.ToolChoice.Allowed)},
		{"form of the answer", came.Output != sent.Output},
		{"stop words", !same(came.Stop, sent.Stop)},
		{"user", came.User != sent.User},
		{"service tier", came.ServiceTier != sent.ServiceTier},
		{"other members", !same(came.Extra, sent.Extra)},
	} {
		if one.is {
			changed = append(changed, one.name)
		}
	}
	if words := messages(came.Messages, sent.Messages); words != "" {
		changed = append(changed, words)
	}
	return changed
}

// messages tells which are others, if it is the same number of them.
func messages(came, sent []codec.Message) string {
	if len(came) != len(sent) {
		return fmt.Sprintf("messages (%d became %d)", len(came), len(sent))
	}
	var numbers []string
	for i := range came {
		if came[i].Role == sent[i].Role && same(came[i].Parts, sent[i].Parts) {
			continue
		}
		if len(numbers) == mostNumbered {
			numbers = append(numbers, "…")
			break
		}
		numbers = append(numbers, strconv.Itoa(i+1))
	}
	if numbers == nil {
		return ""
	}
	return "messages " + strings.Join(numbers, ", ")
}

// same says whether two lists are one.
func same[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
