package server

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"unicode"

	"uniapi/codec"
	"uniapi/codec/seam"
)

// prefilling is how an upstream is brought to go on with a text that stands at the end of the conversation as the
// assistant's.
type prefilling uint8

const (
	instructed prefilling = iota // by a message of the user behind it
	prefilled                    // it does so by itself
	prefixed                     // it does so where the text is marked as a prefix
)

// prefills is how the attempt's upstream is. OpenAI takes such a text in both of its formats, and begins a new answer
// behind it; so do most that speak as it does, and Cohere, which wants the user's words last. Which ones go on is in
// the table of what models take.
func (a *attempt) prefills(q *codec.Request) prefilling {
	if prefixer, is := a.to.(codec.Prefixer); is {
		base, err := url.Parse(a.chosen.Provider.Config.BaseURL)
		if err == nil && prefixer.Prefixes(base.Hostname(), base.Path, q) {
			return prefixed
		}
	}
	if a.known.Takes("continues", false) {
		return prefilled
	}
	return instructed
}

// wanted is what the attempt asks for in the neutral form: what the client does, or that its answer be gone on with.
func (a *attempt) wanted() (*codec.Request, error) {
	q, err := a.DecodedRequest()
	if err != nil || !a.answer.GoesOn() {
		return q, err
	}
	return a.continued(q), nil
}

// continued is a request for the rest of an answer. Some do not think about it again.
func (a *attempt) continued(q *codec.Request) *codec.Request {
	c := *q
	if c.MaxTokens != nil {
		rest := max(a.answer.Joint.Left(*c.MaxTokens), a.to.Properties().LeastTokens)
		c.MaxTokens = &rest
	}
	given, _ := seam.Split(a.answer.Joint.Text()[:a.answer.Joint.Given()])
	if len(given) == 0 {
		return &c
	}
	if c.Reasoning != nil && a.to.Properties().Thoughtless {
		c.Reasoning = &codec.Reasoning{Disabled: true}
	}
	c.Messages = withWords(q.Messages, string(given))
	switch a.prefills(&c) {
	case prefixed:
		a.answer.Joint.Marked = true
	case instructed:
		a.answer.Joint.Instructed = true
		c.Messages = append(c.Messages, codec.Message{Role: codec.RoleUser, Parts: []codec.Part{{Kind: codec.PartText, Text: instruction(given)}}})
	}
	return &c
}

// withWords is a conversation that ends with the assistant's words, behind those that the client has ended it with, if
// it has.
func withWords(messages []codec.Message, words string) []codec.Message {
	list := slices.Clone(messages)
	if n := len(list) - 1; n >= 0 && list[n].Role == codec.RoleAssistant && len(list[n].Parts) > 0 {
		parts := slices.Clone(list[n].Parts)
		if p := &parts[len(parts)-1]; p.Kind == codec.PartText {
			p.Text += words
			list[n].Parts = parts
			return list
		}
	}
	return append(list, codec.Message{Role: codec.RoleAssistant, Parts: []codec.Part{{Kind: codec.PartText, Text: words}}})
}

// instruction tells a model that begins an answer of its own to go on with another. Its last words are asked for again,
// since models leave out the space, or the half of a word, that an answer would have to begin with; package seam cuts
// them.
func instruction(given []byte) string {
	const goOn = "Your answer above was cut off. Go on exactly where the text stopped, in the middle of a sentence or a word if that is where it stopped"
	const only = " Do not begin again, and say nothing about this."
	if last := lastWords(given); last != "" {
		return fmt.Sprintf("%s: repeat its last words, which are \"%s\", and write on from there.%s", goOn, last, only)
	}
	return goOn + "." + only
}

// mostWords is how much of a text its last words are, in bytes.
const mostWords = 60

// lastWords are the last words of a text's last line; none where they would not be found again.
func lastWords(given []byte) string {
	line := given[bytes.LastIndexByte(given, '\n')+1:]
	if len(line) > mostWords {
		line = line[len(line)-mostWords:]
		space := bytes.IndexByte(line, ' ')
		if space < 0 {
			return ""
		}
		line = line[space+1:]
	}
	if bytes.IndexFunc(line, unicode.IsLetter) < 0 || bytes.IndexByte(line, '"') >= 0 {
		return ""
	}
	return string(line)
}
