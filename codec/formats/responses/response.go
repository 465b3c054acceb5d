package responses

import (
	"strconv"
	"strings"
	"time"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// DecodeResponse implements codec.Format.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	r := &reader{Reader: fields.Reader{Data: body}}
	a := &codec.Response{Format: formatName}
	var output, details rawjson.Value
	status, tier, worded := "", "", false
	var told codec.Told
	it := rawjson.MembersOf(body)
	for it.Next() {
		v := it.Value
		switch it.Name() {
		case "id":
			a.ID, _ = rawjson.Text(body, v)
		case "model":
			a.Model, _ = rawjson.Text(body, v)
		case "created_at":
			a.Created = seconds(body, v)
		case "status":
			status, _ = rawjson.Text(body, v)
		case "incomplete_details":
			details = v
		case "output":
			output = v
		case "service_tier":
			a.ServiceTier, _ = rawjson.Text(body, v)
			tier = codec.TierTold(body, v)
		case "usage":
			a.Usage, a.HasUsage = codec.ReadUsage(body, v)
		case "message":
			worded = v.Kind == rawjson.String && passHolds(v)
		default:
			told.Member(body, &it)
		}
	}
	if e := toldError(&told, &it, body, worded); e != nil {
		return nil, e
	}
	searchesIn(body, output).tell(&a.Usage)
	a.Usage.Tier = tier
	if status == "failed" || status == "cancelled" {
		return nil, codec.NoAnswer("the upstream ended the response as " + status + " without saying why")
	}
	if output.Kind != rawjson.Array {
		return nil, noResponse(body)
	}
	c := codec.Choice{Message: codec.Message{Role: codec.RoleAssistant}}
	calls := false
	var proof codec.Signature // of the last thinking, until a call takes it along
	var tokens []byte         // of all texts, with their probabilities
	for it := output.Elements(body); it.Next(); {
		parts := r.outputItem(it.Value, &c.Message)
		tokens = appendItemLogProbs(tokens, body, it.Value)
		for i := range parts {
			switch p := &parts[i]; p.Kind {
			case codec.PartReasoning:
				proof = proofOf(p)
			case codec.PartToolCall:
				calls = true
				p.Call.ID = toolid.Join(p.Call.ID, proof)
				proof = codec.Signature{}
			}
		}
		c.Message.Parts = append(c.Message.Parts, parts...)
	}
	reason, _ := rawjson.Text(body, details.Get(body, "reason"))
	c.Finish, c.LogProbs = finishOf(status, reason, calls), logProbs(tokens)
	a.Choices = []codec.Choice{c}
	return a, nil
}

// proofOf is what a call takes along of the thinking before it, for clients that keep nothing of that but the calls.
func proofOf(p *codec.Part) codec.Signature {
	if p.Reasoning != nil && p.Reasoning.Encrypted != "" && isOpenAI(p.Signature, p.Reasoning) {
		return codec.Signature{Provider: "openai", Value: named(p.Reasoning.ID, p.Reasoning.Encrypted)}
	}
	return codec.Signature{}
}

// seconds reads a time, which some servers write with a fraction.
func seconds(data []byte, v rawjson.Value) int64 {
	if n, ok := rawjson.Int(data, v); ok {
		return n
	}
	f, _ := strconv.ParseFloat(string(v.Raw(data)), 64)
	return int64(f)
}

func finishOf(status, reason string, calls bool) codec.Finish {
	switch {
	case status == "incomplete" && reason == "content_filter":
		return codec.Finish{Reason: codec.FinishFilter, Native: reason}
	case status == "incomplete":
		return codec.Finish{Reason: codec.FinishLength, Native: reason}
	case calls:
		return codec.Finish{Reason: codec.FinishToolCalls, Native: status}
	}
	return codec.Finish{Reason: codec.FinishStop, Native: status}
}

// outputItem reads an item of an answer.
func (r *reader) outputItem(v rawjson.Value, m *codec.Message) []codec.Part {
	get := func(name string) string {
		s, _ := rawjson.Text(r.Data, v.Get(r.Data, name))
		return s
	}
	switch get("type") {
	case "message":
		if phase := get("phase"); phase != "" {
			m.Phase = phase
		}
		var parts []codec.Part
		for it := v.Get(r.Data, "content").Elements(r.Data); it.Next(); {
			if p, ok := r.part(it.Value, "output"); ok {
				p.Citations = r.citations(it.Value.Get(r.Data, "annotations"))
				parts = codec.Add(parts, p)
			}
		}
		return parts
	case "reasoning":
		text, sealed := r.thoughts(v), get("encrypted_content")
		if text == "" && sealed == "" {
			return nil // the model thought, and nothing is shown of it
		}
		return []codec.Part{reasoningPart(get("id"), text, sealed)}
	case "function_call":
		return []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{
			ID: get("call_id"), Name: namespaced(get("namespace"), get("name")), Arguments: get("arguments")}}}
	case "custom_tool_call":
		return []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{
			ID: get("call_id"), Name: namespaced(get("namespace"), get("name")), Arguments: get("input"), Custom: true}}}
	case "image_generation_call":
		if data := get("result"); data != "" {
			return []codec.Part{{Kind: codec.PartImage, Media: &codec.Media{MIME: imageType(get("output_format")), Data: data}}}
		}
	}
	return nil
}

func imageType(format string) string {
	if format == "" {
		format = "png"
	}
	return "image/" + format
}

func (r *reader) citations(v rawjson.Value) (list []codec.Citation) {
	for it := v.Elements(r.Data); it.Next(); {
		if c, ok := citation(r.Data, it.Value); ok {
			list = codec.Add(list, c)
		}
	}
	return list
}

// citation reads an annotation that names a source by its address.
func citation(data []byte, v rawjson.Value) (c codec.Citation, ok bool) {
	if kind, _ := rawjson.Text(data, v.Get(data, "type")); kind != "url_citation" {
		return c, false
	}
	c.URL, _ = rawjson.Text(data, v.Get(data, "url"))
	c.Title, _ = rawjson.Text(data, v.Get(data, "title"))
	c.Start, _ = rawjson.Int(data, v.Get(data, "start_index"))
	c.End, _ = rawjson.Int(data, v.Get(data, "end_index"))
	return c, true
}

func appendCitation(dst []byte, c *codec.Citation) []byte {
	dst = append(dst, `{"type":"url_citation"`...)
	dst = rawjson.Str(rawjson.Str(dst, "url", c.URL), "title", c.Title)
	return append(rawjson.Num(rawjson.Num(dst, "start_index", c.Start), "end_index", c.End), '}')
}

// EncodeResponse implements codec.Format. It is the stream's last event, made of the stream that the answer could have
// been, so that the two cannot differ.
func (f Format) EncodeResponse(dst []byte, a *codec.Response, q *codec.Request) []byte {
	s := newStreamEncoder(q)
	var logprobs, events []byte
	if len(a.Choices) > 0 {
		logprobs = a.Choices[0].LogProbs
	}
	for _, e := range a.Events(nil) {
		if e.Kind == codec.EventText && e.Choice == 0 { // those of the whole answer go to its first text
			e.LogProbs, logprobs = logprobs, nil
		}
		events = s.Append(events[:0], &e)
	}
	s.closeAll(events[:0])
	status := s.status()
	if status == "failed" {
		return s.appendResponse(dst, status, errUnfinished())
	}
	return s.appendResponse(dst, status, nil)
}

// appendUsage writes a usage object with all that SDKs read.
func appendUsage(dst []byte, u codec.Usage) []byte {
	dst = rawjson.Num(append(dst, '{'), "input_tokens", u.Prompt)
	dst = rawjson.Num(append(rawjson.Key(dst, "input_tokens_details"), '{'), "cached_tokens", u.Cached)
	dst = rawjson.Num(dst, "cache_write_tokens", u.CacheWrite)
	dst = rawjson.Num(append(dst, '}'), "output_tokens", u.Completion)
	dst = rawjson.Num(append(rawjson.Key(dst, "output_tokens_details"), '{'), "reasoning_tokens", u.Reasoning)
	return append(rawjson.Num(append(dst, '}'), "total_tokens", u.Sum()), '}')
}

// itemID is an id of an item, made of the answer's: the same answer gets the same.
func itemID(prefix, answer string, n int64) string {
	for _, known := range []string{"resp_", "chatcmpl-", "msg_", "gen-"} {
		answer = strings.TrimPrefix(answer, known)
	}
	return prefix + answer + "_" + strconv.FormatInt(n, 10)
}

// clock is when an answer was made whose upstream does not say.
var clock = func() int64 { return time.Now().Unix() }
