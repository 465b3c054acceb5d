package responses

import (
	"cmp"
	"strings"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// KeepsLogProbs implements codec.LogProbsKeeper: they stand in what has been done of the item, and in the whole answer.
func (*streamEncoder) KeepsLogProbs() {}

// NewStreamEncoder implements codec.Format.
func (Format) NewStreamEncoder(q *codec.Request) codec.StreamEncoder { return newStreamEncoder(q) }

func newStreamEncoder(q *codec.Request) *streamEncoder {
	return &streamEncoder{q: q, namespaces: namespacesOf(q), custom: customNames(q.Tools), toolSearch: hasSearch(q), typed: typedOf(q)}
}

// streamEncoder writes the events of a response. Its last one repeats the whole output, so the answer is kept until
// then: the format wants it, and Codex reads it.
type streamEncoder struct {
	q          *codec.Request
	namespaces map[string]string // of tools by their one name
	custom     map[string]bool   // tools that take text
	toolSearch bool              // the client runs a search for tools
	typed      map[string]*typed // tools that it declares by their types

	seq     int64
	begun   bool
	id      string
	created int64
	usage   codec.Usage
	counted bool
	finish  codec.Finish

	open   *item                    // the message or the thinking that grows
	calls  keyed.List[int64, *item] // calls that grow; they may do so at once
	output [][]byte
	places int64 // output items begun

	scratch []byte
	data    []byte
}

// Append implements codec.StreamEncoder.
func (s *streamEncoder) Append(dst []byte, e *codec.Event) []byte {
	switch {
	case e.Choice != 0: // there is one answer
		return dst
	case e.Kind == codec.EventStart:
		s.id, s.created = e.ID, e.Created
		s.count(e.Usage)
		return s.begin(dst)
	case e.Kind == codec.EventPing:
		return sse.AppendComment(dst, "keep-alive")
	}
	dst = s.begin(dst)
	switch e.Kind {
	case codec.EventText:
		dst = s.text(dst, outputText, e)
		if proof, signed := e.TextProof(); signed {
			return s.endThinking(dst, &proof)
		}
		return dst
	case codec.EventRefusal:
		return s.text(dst, refusal, e)
	case codec.EventReasoning:
		if len(e.Text) == 0 {
			return dst
		}
		dst = s.thinking(dst)
		return s.open.grow(s, dst, reasoningItem.delta, e.Text, nil)
	case codec.EventReasoningEnd:
		return s.endThinking(dst, e)
	case codec.EventToolStart:
		return s.beginCall(s.close(dst), e)
	case codec.EventToolArguments:
		if c := s.call(e.Index); c != nil && len(e.Text) > 0 {
			return c.grow(s, dst, c.kind.delta, e.Text, nil)
		}
	case codec.EventToolEnd:
		if c := s.call(e.Index); c != nil && c.whole() { // how one ends that is cut off is said behind it
			return s.closeCall(dst, c)
		}
	case codec.EventCitation:
		return s.cite(dst, e.Citation)
	case codec.EventMedia:
		return s.media(s.close(dst), e.Media)
	case codec.EventFinish:
		s.finish = e.Finish
	case codec.EventUsage:
		s.count(e.Usage)
	}
	return dst
}

func (s *streamEncoder) count(u codec.Usage) {
	if !u.Zero() {
		s.usage, s.counted = u, true
	}
}

// event appends an event with its number. members are those behind the two that all have.
func (s *streamEncoder) event(dst []byte, name string, members func(dst []byte) []byte) []byte {
	s.data = rawjson.Str(append(s.data[:0], '{'), "type", name)
	s.data = rawjson.Num(s.data, "sequence_number", s.seq)
	s.seq++
	s.data = append(members(s.data), '}')
	return sse.AppendEvent(dst, name, s.data)
}

// begin opens the response.
func (s *streamEncoder) begin(dst []byte) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	if s.id == "" {
		s.id = codec.NewID("")
	}
	s.id = "resp_" + strings.TrimPrefix(s.id, "resp_")
	s.created = cmp.Or(s.created, clock())
	for _, name := range []string{"response.created", "response.in_progress"} {
		dst = s.event(dst, name, func(dst []byte) []byte {
			return s.appendResponse(rawjson.Key(dst, "response"), "in_progress", nil)
		})
	}
	return dst
}

// appendResponse writes the response as far as it has come.
func (s *streamEncoder) appendResponse(dst []byte, status string, failure *codec.Error) []byte {
	dst = rawjson.Str(append(dst, '{'), "id", s.id)
	dst = rawjson.Str(dst, "object", "response")
	dst = rawjson.Num(dst, "created_at", s.created)
	dst = rawjson.Str(dst, "status", status)
	dst = rawjson.Key(dst, "error")
	if failure == nil {
		dst = append(dst, "null"...)
	} else {
		dst = rawjson.Str(append(dst, '{'), "code", cmp.Or(failure.Code, "server_error"))
		dst = append(rawjson.Str(dst, "message", failure.Message), '}')
	}
	dst = rawjson.Key(dst, "incomplete_details")
	if status == "incomplete" {
		reason := "max_output_tokens"
		if s.finish.Reason == codec.FinishFilter {
			reason = "content_filter"
		}
		dst = append(rawjson.Str(append(dst, '{'), "reason", reason), '}')
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"instructions":null,"max_output_tokens":`...)
	if s.q.MaxTokens != nil {
		dst = rawjson.NumIf(dst[:len(dst)-len(`,"max_output_tokens":`)], "max_output_tokens", s.q.MaxTokens)
	} else {
		dst = append(dst, "null"...)
	}
	dst = rawjson.Str(dst, "model", s.q.Model)
	dst = append(rawjson.Key(dst, "output"), '[')
	if status != "in_progress" {
		for _, item := range s.output {
			if item != nil {
				dst = append(rawjson.Comma(dst), item...)
			}
		}
	}
	dst = append(dst, ']')
	parallel := s.q.ParallelToolCalls == nil || *s.q.ParallelToolCalls
	dst = rawjson.BoolIf(dst, "parallel_tool_calls", &parallel)
	dst = append(dst, `,"previous_response_id":null,"store":false,"temperature":`...)
	dst = append(dst, cmp.Or(string(s.q.Temperature), "null")...)
	dst = append(dst, `,"tool_choice":"auto","tools":[],"top_p":`...)
	dst = append(dst, cmp.Or(string(s.q.TopP), "null")...)
	dst = append(dst, `,"truncation":"disabled","usage":`...)
	if s.counted && status != "in_progress" {
		dst = appendUsage(dst, s.usage)
	} else {
		dst = append(dst, "null"...)
	}
	metadata := s.q.Extra.Get("metadata")
	if s.q.Format != formatName || metadata == nil {
		metadata = []byte("{}")
	}
	return append(rawjson.Field(dst, "metadata", metadata), '}')
}

// status is how the answer ended.
func (s *streamEncoder) status() string {
	switch s.finish.Reason {
	case codec.FinishLength, codec.FinishFilter:
		return "incomplete"
	case codec.FinishError:
		return "failed"
	}
	return "completed"
}

// End implements codec.StreamEncoder.
func (s *streamEncoder) End(dst []byte) []byte {
	dst = s.closeAll(s.begin(dst))
	status := s.status()
	if status == "failed" {
		return s.Fail(dst, errUnfinished())
	}
	return s.event(dst, "response."+status, func(dst []byte) []byte {
		return s.appendResponse(rawjson.Key(dst, "response"), status, nil)
	})
}

func errUnfinished() *codec.Error { return codec.NoAnswer("the upstream could not finish its answer") }

// Fail implements codec.StreamEncoder. SDKs raise on the error member of the first event, others read the members
// beside it, which are what OpenAI documents, and Codex reads the second event.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte {
	dst = s.begin(dst)
	dst = s.event(dst, "error", func(dst []byte) []byte {
		dst = rawjson.Str(dst, "code", cmp.Or(e.Code, e.Type, "server_error"))
		dst = rawjson.Str(dst, "message", e.Message)
		dst = rawjson.Key(dst, "param")
		if e.Param == "" {
			dst = append(dst, "null"...)
		} else {
			dst = rawjson.AppendString(dst, e.Param)
		}
		s.scratch = openai.AppendError(s.scratch[:0], e)
		return append(append(dst, ','), s.scratch[1:len(s.scratch)-1]...) // the envelope's only member
	})
	return s.event(dst, "response.failed", func(dst []byte) []byte {
		return s.appendResponse(rawjson.Key(dst, "response"), "failed", e)
	})
}

// closeAll ends every item that is open.
func (s *streamEncoder) closeAll(dst []byte) []byte {
	dst = s.close(dst)
	for _, call := range s.calls.All() {
		dst = s.closeCall(dst, *call)
	}
	return dst
}
