package alternation

import (
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/schema"
)

// Repair returns a request of one format as another can be told it, and what had to be left out. Results stand directly
// behind their calls; what only the request's own format knows is said in words; media of the assistant's stand in the
// user's next message, where they may not stand in its own; and no message is empty. The error names what can neither
// be said nor left out. What is not changed is shared with the request, which stays as it is. A request in the target's
// own format is returned itself, unless the host takes less of that than its format has. Known is what is known of the
// host, nil if nothing is.
func Repair(q *codec.Request, from, to codec.Format, known *capability.Target) (*codec.Request, []string, error) {
	described, is := to.(Describes)
	own := q.Format == to.Name()
	if !is || own && (known == nil || known.Media == nil) {
		return q, nil, nil
	}
	r := repair{to: described.Target(), own: own}
	if known != nil {
		r.kinds = known.Media
		r.silent = !own && known.Format == capability.Chat && !known.Takes("video", false)
	}
	if source, is := from.(Describes); is {
		r.files = source.Target().Files
	}
	r.source, _ = from.(Readable)
	if bound, is := from.(Binding); is {
		if err := bound.Bound(q); err != nil {
			return nil, nil, err
		}
	}
	repaired := *q
	repaired.Messages = r.messages(q.Messages)
	repaired.Output = r.output(q.Output)
	if r.err != nil {
		return nil, nil, r.err
	}
	return &repaired, r.told(), nil
}

// output asks for an object where the answer is to be something else in JSON, and the target gives nothing else.
func (r *repair) output(o *codec.OutputFormat) *codec.OutputFormat {
	if o == nil || o.Kind != codec.OutputSchema || r.to.AnyJSON || r.own {
		return o
	}
	wrapped := *o
	if wrapped.Schema, wrapped.Wrapped = schema.Wrap(o.Schema); !wrapped.Wrapped {
		return o
	}
	return &wrapped
}

// repair is one request on its way to another format.
type repair struct {
	to     Target
	files  string // the provider whose files the request names
	source Readable
	own    bool     // the request is in the target's format
	kinds  []string // of media that the host takes; nil is all that the format has
	silent bool     // it takes no video, which OpenAI's format has not
	out    []codec.Message
	moved  []codec.Part // media of the assistant's that wait for what the user says next
	left   []leftOut
	err    *codec.Error
}

// leftOut is something that was left out, so many times.
type leftOut struct {
	what  string
	times int
}

// mostKinds is how many kinds of what was left out are told apart.
const mostKinds = 16

func (r *repair) leave(what string) {
	for i := range r.left {
		if r.left[i].what == what || i == mostKinds-1 {
			r.left[i].times++
			return
		}
	}
	if len(r.left) == mostKinds-1 {
		what = "other parts"
	}
	r.left = append(r.left, leftOut{what, 1})
}

func (r *repair) told() (all []string) {
	for _, l := range r.left {
		if l.times > 1 {
			l.what += " (" + strconv.Itoa(l.times) + " times)"
		}
		all = append(all, l.what)
	}
	return all
}

func (r *repair) fail(message string) {
	if r.err == nil {
		r.err = codec.BadRequest("messages", message)
	}
}

func (r *repair) messages(messages []codec.Message) []codec.Message {
	messages = Ordered(messages)
	r.out = make([]codec.Message, 0, len(messages)+1)
	for i := range messages {
		r.message(messages[i])
	}
	if len(r.moved) > 0 {
		r.out = append(r.out, codec.Message{Parts: r.moved})
	}
	if len(r.out) == 0 {
		r.out = append(r.out, codec.Message{Parts: []codec.Part{{Kind: codec.PartText, Text: Filler}}})
	}
	return r.out
}

// message adds a message, if anything is left of it. What waits for the user stands before it, unless it is the results
// of the calls beside which it was said.
func (r *repair) message(m codec.Message) {
	before := r.moved
	r.moved = nil
	m.Parts = r.parts(m.Role, m.Parts)
	if m.Role == codec.RoleAssistant {
		m.Parts = r.spoken(m.Parts)
		r.arguments(m.Parts)
	}
	switch empty := !slices.ContainsFunc(m.Parts, says); {
	case m.Role == codec.RoleTool || empty && len(before) > 0:
		r.moved = append(before, r.moved...)
		if empty {
			return
		}
	case empty:
		return
	case len(before) == 0:
	case m.Role == codec.RoleUser:
		m.Parts = append(before, m.Parts...)
	default:
		r.out = append(r.out, codec.Message{Parts: before})
	}
	r.out = codec.Add(r.out, m)
}

// says tells whether there is anything in a part.
func says(p codec.Part) bool { return p.Kind != codec.PartText || !Blank(p.Text) }

// spoken is what the assistant said without thinking that led to nothing: it is the rest of a turn that was
// interrupted. Anthropic answers "The final block in an assistant message cannot be `thinking`" to it
// (github.com/tailcallhq/forgecode issues 2107, 3071), OpenAI's Responses that it "was provided without its required
// following item" (reported at github.com/vercel/ai, 7099), and chat wants content.
func (r *repair) spoken(parts []codec.Part) []codec.Part {
	end := len(parts)
	for end > 0 && (parts[end-1].Kind == codec.PartReasoning || !says(parts[end-1])) {
		end--
	}
	if end == len(parts) || r.to.Unended && end > 0 {
		return parts
	}
	if slices.ContainsFunc(parts[end:], thought) {
		r.leave("thinking that led to nothing")
	}
	return parts[:end:end]
}

// arguments tells of those that the target gets in another form: an agent that keeps a call that was cut off must be
// able to go on.
func (r *repair) arguments(parts []codec.Part) {
	if !r.to.Objects {
		return
	}
	for i := range parts {
		if p := &parts[i]; p.Kind == codec.PartToolCall && p.Call.ArgumentsAre() != codec.ObjectArguments {
			r.leave("the form of a call's arguments, which are no JSON object")
		}
	}
}

func thought(p codec.Part) bool {
	return p.Kind == codec.PartReasoning && (p.Text != "" || p.Signature.Value != "" || p.Reasoning != nil)
}

// parts are those that the target can be told; the list itself, if that is all.
func (r *repair) parts(role codec.Role, parts []codec.Part) []codec.Part {
	for i := range parts {
		if !r.fits(&parts[i]) {
			out := append(make([]codec.Part, 0, len(parts)+1), parts[:i]...)
			for ; i < len(parts); i++ {
				at := len(out)
				if out = r.part(out, role, &parts[i]); parts[i].Kind == codec.PartOpaque || i > 0 && parts[i-1].Kind == codec.PartOpaque {
					standApart(out, at)
				}
			}
			return out
		}
	}
	return parts
}

// fits says whether a part may stay as it is.
func (r *repair) fits(p *codec.Part) bool {
	switch p.Kind {
	case codec.PartText:
		return p.Text != ""
	case codec.PartRefusal:
		return r.to.Refusals || r.own
	case codec.PartOpaque:
		return r.own
	case codec.PartReasoning, codec.PartToolCall:
		return true
	}
	return false
}

// part appends what the target is told of a part.
func (r *repair) part(dst []codec.Part, role codec.Role, p *codec.Part) []codec.Part {
	part := *p
	switch {
	case r.fits(p):
	case p.Kind == codec.PartText:
		return dst
	case p.Kind == codec.PartRefusal:
		part.Kind = codec.PartText
	case p.Kind == codec.PartOpaque:
		return r.opaque(dst, role, p)
	case p.Kind == codec.PartToolResult:
		result := *p.Result
		result.Parts = r.parts(codec.RoleUser, result.Parts)
		if r.to.PlainErrors && result.Error && slices.ContainsFunc(result.Parts, func(p codec.Part) bool { return p.Kind != codec.PartText }) {
			result.Error = false
			result.Parts = append([]codec.Part{{Kind: codec.PartText, Text: "Error:"}}, result.Parts...)
		}
		part.Result = &result
	default:
		return r.media(dst, role, part)
	}
	return append(dst, part)
}

// opaque appends in words what only the request's own format knows.
func (r *repair) opaque(dst []codec.Part, role codec.Role, p *codec.Part) []codec.Part {
	var read []codec.Part
	if r.source != nil {
		read = r.source.Readable(p.Raw)
	}
	before := len(dst)
	for i := range read {
		if read[i].Kind != codec.PartOpaque {
			dst = r.part(dst, role, &read[i])
		}
	}
	if len(dst) > before {
		dst[len(dst)-1].Cache = p.Cache
	} else if len(r.moved) == 0 && r.err == nil {
		r.leave(kindOf(p.Raw))
	}
	return dst
}

// between is what stands between words that a client has written and those that are said in the place of what only its
// format knows. Some formats put all texts of a message together.
const between = "\n\n"

// standApart puts it between the parts before a place and those from there on, where both are text.
func standApart(parts []codec.Part, at int) {
	if at == 0 || at >= len(parts) {
		return
	}
	if before, first := &parts[at-1], &parts[at]; before.Kind == codec.PartText && first.Kind == codec.PartText && !strings.HasSuffix(before.Text, "\n") {
		first.Text = between + first.Text
	}
}

// kindOf is what a part calls itself.
func kindOf(raw []byte) string {
	return strings.TrimSpace("a part " + typeOf(raw))
}
