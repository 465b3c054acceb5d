package openai

import (
	"strconv"
	"strings"
	"time"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
)

// DecodeResponse reads a chat completion.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	usage, err := CheckAnswer(body, nil)
	if err != nil {
		return nil, err
	}
	a := &codec.Response{Format: formatName, Usage: usage, HasUsage: !usage.Zero()}
	r := &reader{fields.Reader{Data: body}}
	for it := rawjson.MembersOf(body); it.Next(); {
		v := it.Value
		switch name := it.Name(); name {
		case "object", "usage", "error":
		case "id":
			a.ID, _ = rawjson.Text(body, v)
		case "model":
			a.Model, _ = rawjson.Text(body, v)
		case "created":
			a.Created, _ = rawjson.Int(body, v)
		case "service_tier":
			a.ServiceTier, _ = rawjson.Text(body, v)
		case "choices":
			for it := v.Elements(body); it.Next(); {
				if len(a.Choices) == codec.MaxChoices {
					return nil, codec.TooMany(codec.MaxChoices, "choices")
				}
				a.Choices = append(a.Choices, r.choice(it.Value, int64(len(a.Choices))))
			}
		default:
			r.Field(&a.Extra, name, v)
		}
	}
	if r.Err != nil {
		return nil, codec.NoAnswer("the upstream's answer cannot be read: " + r.Err.Message)
	}
	return a, nil
}

func (r *reader) choice(v rawjson.Value, index int64) codec.Choice {
	c := codec.Choice{Index: index}
	for it := v.Members(r.Data); it.Next(); {
		v := it.Value
		switch name := it.Name(); name {
		case "index":
			if n, ok := rawjson.Int(r.Data, v); ok {
				c.Index = n
			}
		case "message":
			c.Message = r.message(v, codec.RoleAssistant, "choices["+strconv.FormatInt(index, 10)+"].message")
			if last := len(c.Message.Parts) - 1; v.Get(r.Data, "function_call").Kind == rawjson.Object {
				c.Message.Parts[last].Call.ID = "" // its place is that of the next answer too
			}
		case "finish_reason":
			word, _ := rawjson.Text(r.Data, v)
			c.Finish = finishOf(word)
		case "logprobs":
			c.LogProbs = r.Raw(v)
		default:
			r.Field(&c.Extra, name, v)
		}
	}
	var given keyed.List[string, struct{}]
	for _, p := range c.Message.Parts {
		if p.Kind != codec.PartToolCall {
			continue
		}
		if p.Call.ID == "" || given.Find(p.Call.ID) != nil {
			p.Call.ID = codec.NewID("call_")
		}
		given.Add(p.Call.ID, struct{}{})
	}
	c.Finish = settle(c.Finish, given.Len() > 0)
	return c
}

// EncodeResponse writes a chat completion under the model's name that the client asked for.
func (Format) EncodeResponse(dst []byte, a *codec.Response, q *codec.Request) []byte {
	own := a.Format == formatName
	dst = append(dst, '{')
	dst = rawjson.Str(dst, "id", answerID(a.ID))
	dst = rawjson.Str(dst, "object", "chat.completion")
	dst = rawjson.Num(dst, "created", answerTime(a.Created))
	dst = rawjson.Str(dst, "model", q.Model)
	dst = append(rawjson.Key(dst, "choices"), '[')
	for i := range a.Choices {
		c := &a.Choices[i]
		dst = append(rawjson.Comma(dst), '{')
		dst = rawjson.Num(dst, "index", c.Index)
		dst = append(rawjson.Key(dst, "message"), '{')
		message := withTextProofs(&c.Message)
		if q.LegacyFunctions {
			dst = appendLegacyMessage(dst, message, own)
		} else {
			dst = appendMessage(dst, message, own)
		}
		if !hasRefusal(message) {
			dst = append(dst, `,"refusal":null`...) // some strict clients need the key
		}
		dst = append(dst, '}')
		dst = append(rawjson.Key(dst, "logprobs"), orNull(c.LogProbs)...)
		dst = rawjson.Str(dst, "finish_reason", finishWord(c.Finish, q.LegacyFunctions))
		dst = append(appendExtra(dst, c.Extra, own), '}')
	}
	dst = append(dst, ']')
	if a.HasUsage {
		dst = appendUsage(rawjson.Key(dst, "usage"), a.Usage)
	}
	dst = rawjson.StrIf(dst, "service_tier", a.ServiceTier)
	return append(appendExtra(dst, a.Extra, own), '}')
}

// appendLegacyMessage writes the first tool call as the function call that the client knows.
func appendLegacyMessage(dst []byte, m *codec.Message, own bool) []byte {
	spoken := *m
	spoken.Parts = nil
	var call *codec.ToolCall
	for _, p := range m.Parts {
		if p.Kind != codec.PartToolCall {
			spoken.Parts = append(spoken.Parts, p)
		} else if call == nil {
			call = p.Call
		}
	}
	dst = appendMessage(dst, &spoken, own)
	if call == nil {
		return dst
	}
	dst = append(rawjson.Key(dst, "function_call"), '{')
	dst = rawjson.Str(dst, "name", call.Name)
	return append(rawjson.Str(dst, "arguments", argumentsOf(call)), '}')
}

func hasRefusal(m *codec.Message) bool {
	for _, p := range m.Parts {
		if p.Kind == codec.PartRefusal {
			return true
		}
	}
	return false
}

func orNull(raw []byte) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}

// answerID is an id as OpenAI's look, made of the upstream's if there is one.
func answerID(id string) string {
	if id == "" {
		return codec.NewID("chatcmpl-")
	}
	if strings.HasPrefix(id, "chatcmpl-") {
		return id
	}
	return "chatcmpl-" + id
}

func answerTime(created int64) int64 {
	if created == 0 {
		return time.Now().Unix()
	}
	return created
}

// appendUsage writes a usage object. The details are always there: clients read them without asking.
func appendUsage(dst []byte, u codec.Usage) []byte {
	dst = append(dst, '{')
	dst = rawjson.Num(dst, "prompt_tokens", u.Prompt)
	dst = rawjson.Num(dst, "completion_tokens", u.Completion)
	dst = rawjson.Num(dst, "total_tokens", u.Sum())
	dst = append(rawjson.Key(dst, "prompt_tokens_details"), '{')
	dst = rawjson.Num(dst, "cached_tokens", u.Cached)
	dst = rawjson.Num(dst, "audio_tokens", u.PromptAudio)
	if u.CacheWrite > 0 {
		dst = rawjson.Num(dst, "cache_write_tokens", u.CacheWrite)
	}
	dst = append(dst, '}')
	dst = append(rawjson.Key(dst, "completion_tokens_details"), '{')
	dst = rawjson.Num(dst, "reasoning_tokens", u.Reasoning)
	dst = rawjson.Num(dst, "audio_tokens", u.CompletionAudio)
	dst = rawjson.Num(dst, "accepted_prediction_tokens", u.AcceptedPrediction)
	dst = rawjson.Num(dst, "rejected_prediction_tokens", u.RejectedPrediction)
	return append(dst, "}}"...)
}
