// Package random makes requests and answers for tests that say that writing and reading keep them.
package random

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"

	"uniapi/codec"
)

// Maker makes values of a seed. Signer is whose signatures thinking carries; "" makes no thinking.
type Maker struct {
	*rand.Rand
	Signer string
	calls  int
	files  int
}

// New returns a Maker.
func New(seed uint64, signer string) *Maker {
	return &Maker{Rand: rand.New(rand.NewPCG(seed, 1)), Signer: signer}
}

func (m *Maker) chance() bool { return m.IntN(2) == 0 }

var texts = []string{"a", "two words", "line\nbreak \"quoted\" \\ back", "Grüße, 世界 😀", "\u2028\x7f", "{\"not\": json", "tab\tand </script>"}

func (m *Maker) text() string { return texts[m.IntN(len(texts))] + strconv.Itoa(m.IntN(100)) }

func (m *Maker) textPart() codec.Part {
	p := codec.Part{Kind: codec.PartText, Text: m.text()}
	return p
}

func (m *Maker) media() codec.Part {
	if m.chance() {
		return codec.Part{Kind: codec.PartImage, Media: &codec.Media{MIME: "image/png", Data: "iVBORw0KGgo="}}
	}
	m.files++
	return codec.Part{Kind: codec.PartFile, Media: &codec.Media{MIME: "application/pdf", Data: "JVBERi0x", Name: "file " + strconv.Itoa(m.files)}}
}

func (m *Maker) number() json.Number { return json.Number(fmt.Sprintf("0.%d0", m.IntN(9))) }

func (m *Maker) call() codec.Part {
	m.calls++
	return codec.Part{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "call_" + strconv.Itoa(m.calls), Name: "tool" + strconv.Itoa(m.IntN(2)),
		Arguments: fmt.Sprintf(`{"n": %d00000000000000000000,"s":%q}`, m.IntN(9)+1, "x")}}
}

// Assistant makes the parts of an answer: thinking, text and calls.
func (m *Maker) Assistant() (parts []codec.Part) {
	for m.Signer != "" && m.chance() {
		p := codec.Part{Kind: codec.PartReasoning, Text: m.text(), Signature: codec.Signature{Provider: m.Signer, Value: "c2lnbmF0dXJl"}}
		switch m.IntN(4) {
		case 0:
			p = codec.Part{Kind: codec.PartReasoning, Reasoning: &codec.ReasoningInfo{Encrypted: "ZW5j" + strconv.Itoa(m.IntN(9))}}
		case 1:
			p.Text = ""
		}
		parts = append(parts, p)
	}
	parts = append(parts, m.textPart())
	for m.chance() {
		parts = append(parts, m.call())
	}
	return parts
}

// Request makes a request of what all formats have, in the order in which they read it.
func (m *Maker) Request() *codec.Request {
	q := &codec.Request{Format: "other", Model: "m", IncludeUsage: true, Temperature: m.number()}
	if n := int64(m.IntN(1000) + 1); m.chance() {
		q.MaxTokens = &n
	}
	for m.chance() {
		q.Stop = append(q.Stop, m.text())
	}
	for i := range m.IntN(3) {
		q.Tools = append(q.Tools, codec.Tool{Name: "tool" + strconv.Itoa(i), Description: m.text(),
			Schema: json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}`)})
	}
	if len(q.Tools) > 0 {
		switch m.IntN(4) {
		case 0:
			q.ToolChoice.Mode = codec.ToolAuto
		case 1:
			q.ToolChoice.Mode = codec.ToolRequired
		case 2:
			q.ToolChoice.Mode, q.ToolChoice.Name = codec.ToolNamed, "tool0"
		}
	}
	if m.chance() {
		q.Messages = append(q.Messages, codec.Message{Role: codec.RoleSystem, Parts: []codec.Part{m.textPart()}})
	}
	q.Messages = append(q.Messages, codec.Message{Role: codec.RoleUser, Parts: []codec.Part{m.textPart(), m.media()}})
	for len(q.Tools) > 0 && m.chance() {
		said := m.Assistant()
		q.Messages = append(q.Messages, codec.Message{Role: codec.RoleAssistant, Parts: said})
		var results []codec.Part
		for _, p := range said {
			if p.Kind == codec.PartToolCall {
				results = append(results, codec.Part{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: p.Call.ID, Error: m.chance(),
					Parts: []codec.Part{m.textPart(), m.media()}}})
			}
		}
		if results != nil {
			q.Messages = append(q.Messages, codec.Message{Role: codec.RoleTool, Parts: results})
		}
		if results == nil || m.chance() {
			q.Messages = append(q.Messages, codec.Message{Role: codec.RoleUser, Parts: []codec.Part{m.textPart()}})
		}
	}
	if m.chance() { // a marker
		last := q.Messages[len(q.Messages)-1].Parts
		last[len(last)-1].Cache = &codec.Cache{TTL: []string{"", "1h"}[m.IntN(2)]}
	}
	return q
}

// Response makes an answer.
func (m *Maker) Response() *codec.Response {
	parts := m.Assistant()
	a := &codec.Response{ID: "msg_1", Model: "m", HasUsage: true}
	a.Usage = codec.Usage{Cached: int64(m.IntN(50)), CacheWrite: int64(m.IntN(50)), Completion: int64(m.IntN(100) + 1)}
	a.Usage.Prompt = a.Usage.Cached + a.Usage.CacheWrite + int64(m.IntN(100)) + 1
	f := codec.Finish{Reason: codec.FinishStop, Native: "end_turn"}
	if parts[len(parts)-1].Kind == codec.PartToolCall {
		f = codec.Finish{Reason: codec.FinishToolCalls, Native: "tool_use"}
	} else if m.chance() {
		f = codec.Finish{Reason: codec.FinishLength, Native: "max_tokens"}
	}
	a.Choices = []codec.Choice{{Message: codec.Message{Role: codec.RoleAssistant, Parts: parts}, Finish: f}}
	return a
}
