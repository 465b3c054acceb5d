package gemini

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// malformed is the finish of an answer with a call whose arguments are no JSON, for which Google's clients have no
// place.
var malformed = codec.Finish{Reason: codec.FinishError, Native: "MALFORMED_FUNCTION_CALL"}

// showsThoughts says whether the client asked to see thoughts.
func showsThoughts(q *codec.Request) bool {
	return q.Reasoning != nil && q.Reasoning.Summary != "" && q.Reasoning.Summary != "omitted"
}

// appendAnswerPart writes a part of an answer for a client. False if it is a call that cannot be written.
func appendAnswerPart(dst []byte, p *codec.Part, thoughts bool) ([]byte, bool) {
	switch p.Kind {
	case codec.PartText, codec.PartRefusal:
		if p.Text != "" || p.Signature.Value != "" {
			dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "text", p.Text)
			dst = append(appendSignature(dst, p.Signature, nil), '}')
		}
	case codec.PartReasoning:
		if thoughts {
			dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "text", p.Text)
			dst = append(dst, `,"thought":true`...)
			dst = append(appendSignature(dst, p.Signature, p.Reasoning), '}')
		}
	case codec.PartImage, codec.PartAudio, codec.PartVideo, codec.PartFile:
		switch m := p.Media; {
		case m == nil:
		case m.Data != "":
			dst = append(rawjson.Comma(dst), `{"inlineData":{`...)
			dst = rawjson.Str(dst, "mimeType", dataType(m, p.Kind))
			dst = append(rawjson.Str(dst, "data", m.Data), "}}"...)
		case m.URL != "":
			dst = append(rawjson.Comma(dst), `{"fileData":{`...)
			dst = rawjson.StrIf(dst, "mimeType", urlType(m))
			dst = append(rawjson.Str(dst, "fileUri", m.URL), "}}"...)
		}
	case codec.PartToolCall:
		return appendAnswerCall(dst, p.Call.ID, p.Call.Name, p.Call.Arguments, p.Call.Custom, p.Signature)
	}
	return dst, true
}

func appendAnswerCall(dst []byte, id, name, arguments string, custom bool, s codec.Signature) ([]byte, bool) {
	before := len(dst)
	s = toolid.Of(&codec.Part{Signature: s, Call: &codec.ToolCall{ID: id}})
	id, _ = toolid.Split(id)
	dst = append(rawjson.Comma(dst), `{"functionCall":{`...)
	dst = rawjson.StrIf(dst, "id", id)
	call := codec.ToolCall{Arguments: arguments, Custom: custom}
	dst, were := call.AppendObject(rawjson.Key(rawjson.Str(dst, "name", name), "args"))
	if were == codec.BrokenArguments { // Google has a finish for it
		return dst[:before], false
	}
	return append(appendSignature(append(dst, '}'), s, nil), '}'), true
}

// envelope begins the signatures of other providers, and thinking that only they can read, in Google's field. So they
// come back from Google's clients, which return that field and know nothing of its content.
const envelope = "uni-api/"

// encrypted begins what is said of whose thinking it is that cannot be read: the provider, the format, and the id.
const encrypted = "encrypted"

func appendSignature(dst []byte, s codec.Signature, info *codec.ReasoningInfo) []byte {
	value := s.Value
	switch {
	case info != nil && info.Encrypted != "":
		value = sealed(strings.Join([]string{encrypted, s.Provider, info.Format, info.ID}, ":"), info.Encrypted)
	case value != "" && s.Provider != provider:
		value = sealed(s.Provider, value)
	}
	return rawjson.StrIf(dst, "thoughtSignature", value)
}

func sealed(whose, value string) string {
	return base64.StdEncoding.EncodeToString([]byte(envelope + whose + "/" + value))
}

// unseal undoes appendSignature.
func unseal(value string) (codec.Signature, *codec.ReasoningInfo) {
	raw, err := base64.StdEncoding.DecodeString(value)
	rest, ok := strings.CutPrefix(string(raw), envelope)
	whose, inner, found := strings.Cut(rest, "/")
	if err != nil || !ok || !found {
		return codec.Signature{Provider: provider, Value: value}, nil
	}
	if fields := strings.Split(whose, ":"); fields[0] == encrypted {
		fields = append(fields, "", "", "") // older ones have no more than the provider
		return codec.Signature{Provider: fields[1]}, &codec.ReasoningInfo{Encrypted: inner, Format: fields[2], ID: fields[3]}
	}
	return codec.Signature{Provider: whose, Value: inner}, nil
}

// appendGrounding writes citations as groundingMetadata.
func appendGrounding(dst []byte, list []codec.Citation) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "groundingMetadata"), `{"groundingChunks":[`...)
	for _, c := range list {
		dst = append(rawjson.Comma(dst), `{"web":{`...)
		dst = rawjson.Str(dst, "uri", c.URL)
		dst = append(rawjson.StrIf(dst, "title", c.Title), "}}"...)
	}
	dst = append(dst, `],"groundingSupports":[`...)
	for i, c := range list {
		if c.Text == "" && c.End == 0 {
			continue
		}
		dst = append(rawjson.Comma(dst), `{"segment":{`...)
		dst = rawjson.Num(dst, "startIndex", c.Start)
		dst = rawjson.Num(dst, "endIndex", c.End)
		dst = append(rawjson.StrIf(dst, "text", c.Text), `},"groundingChunkIndices":[`...)
		dst = append(strconv.AppendInt(dst, int64(i), 10), "]}"...)
	}
	return append(dst, "]}"...)
}

// playable puts a header before bare samples, which is how Google answers with speech (audio/L16;rate=24000), to make a
// WAV file of it. A chunk that readers skip makes the header a multiple of three bytes, so that the samples' base64 can
// stay as it is.
func playable(m *codec.Media) {
	kind, parameters, _ := strings.Cut(m.MIME, ";")
	if !strings.EqualFold(kind, "audio/L16") && !strings.EqualFold(kind, "audio/pcm") {
		return
	}
	rate := 24000
	for p := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(p), "rate="); ok {
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				rate = n
			}
		}
	}
	size := base64.StdEncoding.DecodedLen(len(m.Data)) - strings.Count(m.Data[max(0, len(m.Data)-2):], "=")
	le := binary.LittleEndian
	head := append([]byte("RIFF"), 0, 0, 0, 0)
	head = append(head, "WAVEfmt "...)
	head = le.AppendUint32(head, 16)
	head = le.AppendUint16(head, 1) // plain samples
	head = le.AppendUint16(head, 1) // channel
	head = le.AppendUint32(head, uint32(rate))
	head = le.AppendUint32(head, uint32(2*rate))
	head = le.AppendUint16(head, 2)  // bytes in a sample
	head = le.AppendUint16(head, 16) // bits in a sample
	head = append(head, "JUNK\x02\x00\x00\x00\x00\x00"...)
	head = append(head, "data"...)
	head = le.AppendUint32(head, uint32(size))
	le.PutUint32(head[4:], uint32(len(head)-8+size))
	m.MIME, m.Data = "audio/wav", base64.StdEncoding.EncodeToString(head)+m.Data
}
