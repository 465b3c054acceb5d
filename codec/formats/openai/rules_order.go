package openai

import (
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
)

// order is in which order a host, or the template of a model, takes messages, where it does not take them in any as
// OpenAI does.
type order struct {
	systemFirst bool // the system's words stand before all others
	bridged     bool // the assistant says something between results and the user's words
	askedLast   bool // the assistant's words are not the last, unless they are marked as a prefix
	alternate   bool // no two messages of a role stand behind each other
}

func newOrder(refuses func(string) bool) order {
	return order{systemFirst: refuses("system_between"), bridged: refuses("user_after_results"), askedLast: refuses("answer_last"), alternate: refuses("same_role_twice")}
}

// spoke is a message on its way into the order.
type spoke struct {
	role    string
	raw     []byte
	earlier [][]byte // messages of the role that become one with it
}

// filler is a message for the place where the order wants one.
func filler(role string) spoke {
	raw := rawjson.Str([]byte{'{'}, "role", role)
	return spoke{role: role, raw: append(rawjson.Str(raw, "content", alternation.Filler), '}')}
}

// apply returns messages in the order, nil if they have it. Beside tools no prefix is taken.
func (o order) apply(messages []byte, tools bool) []byte {
	v, err := rawjson.One(messages)
	if o == (order{}) || err != nil || v.Kind != rawjson.Array {
		return nil
	}
	var out []spoke
	changed := false
	for list := v.Elements(messages); list.Next(); {
		next := spoke{raw: list.Value.Raw(messages)}
		if next.role, _ = rawjson.Text(messages, list.Value.Get(messages, "role")); next.role == "developer" {
			next.role = "system"
		}
		if next.role == "system" && o.systemFirst && len(out) > 0 && out[len(out)-1].role != "system" {
			next = spoke{role: "user", raw: rawjson.With(next.raw, "role", []byte(`"user"`))}
			changed = true
		}
		put := o.put(out, next)
		changed = changed || len(put) != len(out)+1
		out = put
	}
	if last := len(out) - 1; last >= 0 && o.askedLast && out[last].role == "assistant" && !has(out[last].raw, "prefix") {
		changed = true
		if tools || has(out[last].raw, "tool_calls") {
			out = append(out, filler("user"))
		} else {
			out[last].raw = rawjson.With(out[last].raw, "prefix", []byte("true"))
		}
	}
	if !changed {
		return nil
	}
	dst := []byte{'['}
	for _, m := range out {
		dst = append(rawjson.Comma(dst), m.whole()...)
	}
	return append(dst, ']')
}

// put appends a message, with what must stand before it, or into the one before.
func (o order) put(out []spoke, next spoke) []spoke {
	if len(out) == 0 {
		return append(out, next)
	}
	switch before := &out[len(out)-1]; {
	case o.bridged && before.role == "tool" && next.role == "user":
		return append(out, filler("assistant"), next)
	case o.alternate && before.role == next.role && (next.role == "user" || next.role == "assistant") && saysWords(before.raw):
		before.earlier, before.raw = append(before.earlier, before.raw), next.raw
		return out
	}
	return append(out, next)
}

// saysWords says whether a message has nothing but words, or media.
func saysWords(message []byte) bool {
	v, _ := rawjson.One(message)
	for it := v.Members(message); it.Next(); {
		if name := it.Name(); it.Value.Present() && name != "role" && name != "content" && name != "name" && name != "refusal" {
			return false
		}
	}
	return true
}

// whole is the message with what those before it say, put together at once: one after the other would copy the first as
// often as there are others.
func (m spoke) whole() []byte {
	if len(m.earlier) == 0 {
		return m.raw
	}
	var text, list []byte // what is said until the first content that is a list, and all of it from there on
	said := 0
	for _, message := range append(m.earlier, m.raw) {
		v, _ := rawjson.One(message)
		content := v.Get(message, "content")
		if !nonEmpty(content) {
			continue
		}
		said++
		words, is := rawjson.Text(message, content)
		switch {
		case is && list == nil && text != nil:
			text = append(append(text, "\n\n"...), words...)
		case is && list == nil:
			text = append([]byte{}, words...)
		case list == nil && text != nil:
			list = append(rawjson.Str([]byte(`[{"type":"text"`), "text", string(text)), '}')
			list = appendElements(list, message, content)
		case list == nil:
			list = appendElements([]byte{'['}, message, content)
		default:
			list = appendElements(list, message, content)
		}
	}
	switch {
	case said == 0:
		return m.raw
	case list != nil:
		return rawjson.With(m.raw, "content", append(list, ']'))
	}
	return rawjson.With(m.raw, "content", rawjson.AppendString(nil, string(text)))
}

// appendElements appends the parts of a content, which may be a text alone.
func appendElements(dst, body []byte, content rawjson.Value) []byte {
	if content.Kind == rawjson.String {
		dst = append(rawjson.Comma(dst), `{"type":"text","text":`...)
		return append(append(dst, content.Raw(body)...), '}')
	}
	for it := content.Elements(body); it.Next(); {
		dst = append(rawjson.Comma(dst), it.Value.Raw(body)...)
	}
	return dst
}

// has says whether an object has a member that is more than null or empty.
func has(object []byte, name string) bool {
	v, err := rawjson.One(object)
	if err != nil {
		return false
	}
	member := v.Get(object, name)
	return member.Present() && member.Kind != rawjson.False && !(member.Kind == rawjson.Array && isEmpty(object, member))
}
