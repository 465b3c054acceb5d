package gemini

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/capability"
)

// target is what is known of a model here.
func (f Format) target(q *codec.Request, model string) *capability.Target {
	place := ""
	if f.Vertex {
		place = "vertex"
	}
	return q.For(capability.Gemini, place, model)
}

// capabilities are what a model takes.
type capabilities struct{ *capability.Target }

// thinks says whether the model takes a thinkingConfig. Older ones, and those for images and speech, refuse it.
func (t capabilities) thinks() bool { return t.Thinks != capability.Never }

// has says whether a feature is there.
func (t capabilities) has(feature string) bool { return t.Takes(feature, true) }

// openAPI says whether schemas must be of the part that Google's own form has.
func (t capabilities) openAPI() bool { return t.ToolSchema == "openapi" }

// bounds are the least and the most tokens of thinking.
func (t capabilities) bounds() (least, most int64) {
	if len(t.Budget) != 2 {
		return 0, maxBudgetFlash
	}
	return t.Budget[0], t.Budget[1]
}

// level is Google's word for an effort: the weakest that is no weaker, else the strongest.
func (t capabilities) level(word string) string {
	for _, known := range t.Levels[:len(t.Levels)-1] {
		if slices.Index(levelWords, known) >= slices.Index(levelWords, word) {
			return known
		}
	}
	return t.Levels[len(t.Levels)-1]
}

var levelWords = []string{"MINIMAL", "LOW", "MEDIUM", "HIGH"}
