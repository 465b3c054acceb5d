package anthropic

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
)

// writer writes one request.
type writer struct {
	format Format
	q      *codec.Request
	own    bool // the request was in this format
	can    capabilities
	plan   plan
	skip   int // cache markers that are too many, to be left out from the front
	err    *codec.Error
}

func (w *writer) fail(param, message string) {
	if w.err == nil {
		w.err = codec.BadRequest(param, message)
	}
}

// EncodeRequest writes a Messages request. What the model's generation refuses is left out or said in its own way.
func (f Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	w := &writer{format: f, q: q, own: q.Format == formatName, can: capabilitiesOf(f.target(q, model))}
	if q.N != nil && *q.N > 1 {
		w.fail("n", "'n' must be 1: this provider gives one answer to a request")
	}
	system, list := alternation.Split(q.Messages, alternation.Options{KeepSystem: w.own && (!f.hosted() || w.can.midSystem), Prepare: w.prepare})
	w.plan = w.planThinking(list)
	list = w.ending(list)
	if q.Cache != nil && f.hosted() { // they know no marker on the whole request
		last := list[len(list)-1].Parts
		last[len(last)-1].Cache = q.Cache
	}
	tools := w.tools(list)
	w.skip = max(0, countMarkers(w.own, tools, system, list)-maxMarkers)

	dst = append(dst, '{')
	if f.hosted() {
		dst = rawjson.Str(dst, "anthropic_version", f.Version)
		dst = appendTexts(dst, "anthropic_beta", append(slices.Clone(f.Betas), betas(q, w.can.Target)...))
	} else {
		dst = rawjson.Str(dst, "model", model)
	}
	dst = rawjson.Num(dst, "max_tokens", w.plan.maxTokens)
	dst = w.appendTools(dst, tools)
	dst = w.appendToolChoice(dst, tools)
	dst = w.appendSystem(dst, system)
	dst = w.appendTurns(dst, list)
	dst = w.plan.append(dst)
	dst = w.appendOutputConfig(dst)
	dst = w.appendSampling(dst)
	dst = w.appendRest(dst)
	if w.err != nil {
		return nil, w.err
	}
	return append(dst, '}'), nil
}

// ending sees to the end of the conversation. Words of the assistant there are for it to go on with, which not all
// models do, and none that thinks.
func (w *writer) ending(list []alternation.Turn) []alternation.Turn {
	last := &list[len(list)-1]
	if last.Role != codec.RoleAssistant {
		return list
	}
	if !w.can.prefill || w.plan.thinks() {
		return append(list, alternation.Turn{Role: codec.RoleUser, Parts: []codec.Part{{Kind: codec.PartText, Text: "Continue."}}})
	}
	if p := &last.Parts[len(last.Parts)-1]; p.Kind == codec.PartText {
		p.Text = strings.TrimRight(p.Text, " \t\r\n") // space at the end is refused
	}
	return list
}

func (w *writer) appendSystem(dst []byte, system []codec.Part) []byte {
	if hint := w.jsonHint(); hint != "" {
		system = append(system, codec.Part{Kind: codec.PartText, Text: hint})
	}
	if len(system) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "system"), '[')
	for i := range system {
		if system[i].Kind == codec.PartText {
			dst = w.appendText(rawjson.Comma(dst), &system[i])
		}
	}
	return append(dst, ']')
}

// appendSampling writes temperature, top_p and top_k as far as the model and its thinking allow.
func (w *writer) appendSampling(dst []byte) []byte {
	q := w.q
	dst = appendTexts(dst, "stop_sequences", stops(q.Stop))
	if !w.can.sampling {
		return dst
	}
	temperature, topP := clamp(q.Temperature), q.TopP
	if w.plan.thinks() {
		if f, _ := temperature.Float64(); f != 1 {
			temperature = ""
		}
		if p, err := topP.Float64(); err != nil || p < 0.95 {
			topP = ""
		}
	}
	dst = rawjson.RawIf(dst, "temperature", temperature)
	if temperature == "" || !w.can.oneSampling {
		dst = rawjson.RawIf(dst, "top_p", topP)
	}
	if !w.plan.thinks() {
		dst = rawjson.NumIf(dst, "top_k", q.TopK)
	}
	return dst
}

// clamp brings a temperature of OpenAI's range of 0 to 2 into Anthropic's of 0 to 1.
func clamp(n json.Number) json.Number {
	f, err := n.Float64()
	switch {
	case err != nil:
		return ""
	case f > 1:
		return "1"
	case f < 0:
		return "0"
	}
	return n
}

// stops are the sequences without those that are refused.
func stops(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), alternation.Blank)
}

// hostOnly are members that only Anthropic's own API knows.
var hostOnly = map[string]bool{"container": true, "mcp_servers": true, "service_tier": true, "inference_geo": true, "speed": true, "fallbacks": true,
	"betas": true}

// vendorMembers are members that clients of other formats send for this one.
var vendorMembers = map[string]bool{"context_management": true, "container": true, "mcp_servers": true, "inference_geo": true, "speed": true,
	"fallbacks": true}

func (w *writer) appendRest(dst []byte) []byte {
	q := w.q
	if id := w.userID(); id != "" && !(w.own && q.Extra.Get("metadata") != nil) {
		dst = append(rawjson.Key(dst, "metadata"), '{')
		dst = append(rawjson.Str(dst, "user_id", id), '}')
	}
	if q.Stream && !w.format.OmitStream {
		dst = append(rawjson.Key(dst, "stream"), "true"...)
	}
	if !w.format.hosted() {
		dst = rawjson.StrIf(dst, "service_tier", w.serviceTier())
		dst = appendCache(dst, q.Cache)
	}
	for _, f := range q.Extra {
		if f.Name == "output_config" || w.format.hosted() && hostOnly[f.Name] || !w.own && !vendorMembers[f.Name] {
			continue
		}
		dst = rawjson.Field(dst, f.Name, f.Raw)
	}
	return dst
}

// userID is the end user. What looks like an address or a telephone number is hashed: Anthropic wants none.
func (w *writer) userID() string {
	id := w.q.User
	if raw := w.q.Extra.Get("safety_identifier"); id == "" && raw != nil {
		v, err := rawjson.One(raw)
		if err == nil {
			id, _ = rawjson.Text(raw, v)
		}
	}
	_, err := strconv.ParseInt(strings.TrimLeft(strings.ReplaceAll(id, " ", ""), "+"), 10, 64)
	if !w.own && (strings.Contains(id, "@") || err == nil && len(id) > 6) {
		sum := sha256.Sum256([]byte(id))
		return hex.EncodeToString(sum[:16])
	}
	return id
}

func (w *writer) serviceTier() string {
	switch {
	case w.own, w.q.ServiceTier == "auto":
		return w.q.ServiceTier
	case w.q.ServiceTier == "default":
		return "standard_only"
	}
	return ""
}

func appendTexts(dst []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, name), '[')
	for _, s := range list {
		dst = rawjson.AppendString(rawjson.Comma(dst), s)
	}
	return append(dst, ']')
}
