package fit

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
)

// eachPart lets change have a copy of each part of which concerns says so; false takes the part out. A message that has
// nothing left goes.
func (f *fitting) eachPart(change func(*codec.Part) bool, concerns func(*codec.Part) bool) {
	touched := func(m codec.Message) bool {
		return slices.ContainsFunc(m.Parts, func(p codec.Part) bool { return concerns(&p) })
	}
	first := slices.IndexFunc(f.q.Messages, touched)
	if first < 0 {
		return
	}
	q := f.change()
	messages := slices.Clone(q.Messages[:first])
	for _, m := range q.Messages[first:] {
		if touched(m) {
			parts := make([]codec.Part, 0, len(m.Parts))
			for _, p := range m.Parts {
				if !concerns(&p) || change(&p) {
					parts = append(parts, p)
				}
			}
			if len(parts) == 0 {
				continue
			}
			m.Parts = parts
		}
		messages = append(messages, m)
	}
	if len(messages) > 0 {
		q.Messages = messages
	}
}

// extensions takes out what OpenAI's own formats do not have, unless the target is known to take it.
func (f *fitting) extensions() {
	f.markers()
	if f.Format != capability.Chat {
		return
	}
	if f.q.TopK != nil && !f.Takes("top_k", false) {
		f.change().TopK = nil
	}
	if !f.Takes("extra_content", false) {
		f.eachPart(func(p *codec.Part) bool {
			p.Signature = codec.Signature{}
			return true
		}, func(p *codec.Part) bool { return p.Kind == codec.PartToolCall && p.Signature.Value != "" })
	}
	f.eachPart(func(*codec.Part) bool { return false }, f.isStrange)
	if f.Thoughts != "parts" { // as Mistral's hosts take them
		f.eachPart(func(p *codec.Part) bool {
			p.Signature = codec.Signature{}
			return p.Text != ""
		}, func(p *codec.Part) bool { return p.Kind == codec.PartReasoning && p.Signature.Provider == "mistral" })
	}
	if !f.Takes("thinking_blocks", false) {
		f.eachPart(func(p *codec.Part) bool {
			p.Signature = codec.Signature{}
			return true
		}, isSigned)
	}
	f.eachPart(func(p *codec.Part) bool {
		p.Citations = nil
		return true
	}, func(p *codec.Part) bool { return len(p.Citations) > 0 && !f.Takes("annotations", false) })
}

// isStrange says whether a part of a conversation is one that the target does not know. What came out of a host's own
// reasoning_details goes back to hosts of which nothing is known: one of them has sent it.
func (f *fitting) isStrange(p *codec.Part) bool {
	if p.Kind != codec.PartReasoning {
		return false
	}
	if f.Thoughts == "none" {
		return true
	}
	switch info := p.Reasoning; {
	case info != nil && (info.Format != "" || info.ID != ""):
		return !f.Takes("reasoning_details", !f.Known && f.q.Format != "responses")
	case info != nil || p.Signature.Provider == "anthropic" && p.Text == "":
		return !f.Takes("thinking_blocks", false)
	}
	return f.Thoughts == "" && !f.Takes("reasoning_content", false) && !f.Takes("thinking_blocks", false)
}

// isSigned says whether a part is thinking whose text can be said without the proof of where it is from.
func isSigned(p *codec.Part) bool {
	return p.Kind == codec.PartReasoning && p.Reasoning == nil && p.Signature.Provider == "anthropic"
}

// markers takes out where to cache.
func (f *fitting) markers() {
	if f.Takes("cache_control", false) {
		return
	}
	if f.q.Cache != nil {
		f.change().Cache = nil
	}
	if slices.ContainsFunc(f.q.Tools, func(t codec.Tool) bool { return t.Cache != nil }) {
		q := f.change()
		q.Tools = slices.Clone(q.Tools)
		for i := range q.Tools {
			q.Tools[i].Cache = nil
		}
	}
	f.eachPart(unmark, marked)
}

func marked(p *codec.Part) bool {
	return p.Cache != nil || p.Result != nil && slices.ContainsFunc(p.Result.Parts, func(p codec.Part) bool { return p.Cache != nil })
}

func unmark(p *codec.Part) bool {
	p.Cache = nil
	if p.Result == nil {
		return true
	}
	result := *p.Result
	result.Parts = slices.Clone(result.Parts)
	for i := range result.Parts {
		result.Parts[i].Cache = nil
	}
	p.Result = &result
	return true
}

// identifier hashes the value of a member that only chat and Responses have, if it is too long.
func (f *fitting) identifier(name string, most int) {
	raw := f.q.Extra.Get(name)
	v, err := rawjson.One(raw)
	if raw == nil || err != nil {
		return
	}
	if text, is := rawjson.Text(raw, v); is && len(text) > most {
		q := f.change()
		q.Extra = slices.Clone(q.Extra)
		for i := range q.Extra {
			if q.Extra[i].Name == name {
				q.Extra[i].Raw = rawjson.AppendString(nil, capability.Hashed(text, most))
			}
		}
	}
}
