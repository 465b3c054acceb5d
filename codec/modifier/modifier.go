// Package modifier reads the modifiers that uni-api's users put into the names of models: claude-sonnet-think-8000,
// gemini-2.5-flash-think-0-search, o3-mini-high.
package modifier

import (
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
)

// Modifiers is what a name says beside whose it is.
type Modifiers struct {
	// Think asks for thinking. Budget is its limit in tokens, 0 to forbid it, nil if the name has no number.
	Think  bool
	Budget *int64
	// Effort is none, minimal, low, medium, high, xhigh or max; "" if the name does not say.
	Effort string
	// Search asks for web search.
	Search bool
}

var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// Read finds the modifiers at the end of a name, in any order, and think anywhere in it. What the upstream's own name
// ends with is its name and no modifier, as in gpt-5.1-codex-max.
func Read(name, upstream string) Modifiers {
	name, upstream = strings.ToLower(name), strings.ToLower(upstream)
	if name == upstream {
		return Modifiers{}
	}
	w := suffixes(name, upstream)
	if w.Effort == "" {
		w.Effort = undashed(name, upstream)
	}
	w.Think = w.Think || strings.Contains(strings.ReplaceAll(name, "nothink", ""), "think") && !strings.Contains(upstream, "think")
	return w
}

func suffixes(name, upstream string) (w Modifiers) {
	words := strings.Split(name, "-")
	own := strings.Split(upstream, "-")
	for len(words) > 1 {
		n := len(words) - 1
		word := words[n]
		if number, err := strconv.ParseInt(word, 10, 32); err == nil && isThink(words[n-1]) && !endsWith(own, words) {
			w.Think, w.Budget = true, &number
			n--
		} else if endsWith(own, words) {
			return w
		} else if isThink(word) {
			w.Think = true
		} else if word == "search" {
			w.Search = true
		} else if word == "nothink" {
			w.Effort = "none"
		} else if slices.Contains(efforts, word) {
			w.Effort = word
		} else {
			return w
		}
		words = words[:n]
	}
	return w
}

// undashed is the effort at the end of a name that no dash stands before, as in o1_high and o3minilow. Many words end
// like that, so what is before it must be how the upstream's name begins.
func undashed(name, upstream string) string {
	for _, effort := range []string{"low", "medium", "high"} {
		rest, ends := strings.CutSuffix(name, effort)
		if !ends || strings.HasSuffix(upstream, effort) || strings.HasSuffix(rest, "-") {
			continue
		}
		if rest = letters(rest); len(rest) > 1 && strings.HasPrefix(letters(upstream), rest) {
			return effort
		}
	}
	return ""
}

// letters are those of a name, and its digits.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
}

func isThink(word string) bool { return word == "think" || word == "thinking" }

// endsWith says whether the upstream's name ends with the last word of the name.
func endsWith(own, words []string) bool { return own[len(own)-1] == words[len(words)-1] }

// Apply returns the request with the modifiers for thinking of its model's name. The client's own words in the request
// win; a request without modifiers is returned itself, any other is a copy.
func Apply(q *codec.Request, upstream string) *codec.Request {
	w := Read(q.Model, upstream)
	if q.Reasoning != nil || !w.Think && w.Effort == "" {
		return q
	}
	r := &codec.Reasoning{Effort: w.Effort, Budget: w.Budget, Disabled: w.Effort == "none"}
	switch {
	case w.Budget != nil:
		r.Disabled = *w.Budget == 0
	case w.Think:
		r.Adaptive = true
	}
	wished := *q
	wished.Reasoning = r
	return &wished
}

// IsGoogles says whether a model is Google's, by the upstream's name of it.
func IsGoogles(upstream string) bool {
	return strings.Contains(strings.ToLower(upstream), "gemini")
}
