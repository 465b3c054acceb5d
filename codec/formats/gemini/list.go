package gemini

import (
	"bytes"

	"uniapi/codec/front"
)

var (
	_ front.Lister     = Format{}
	_ front.Recognizer = Format{}
)

// listedModel is a model as Google lists it.
type listedModel struct {
	Name        string   `json:"name"`
	BaseModelID string   `json:"baseModelId"`
	DisplayName string   `json:"displayName"`
	Methods     []string `json:"supportedGenerationMethods"`
}

// Listed implements front.Lister.
func (Format) Listed(id string) any {
	return listedModel{"models/" + id, id, id, []string{"generateContent", "streamGenerateContent", "countTokens"}}
}

// List implements front.Lister.
func (f Format) List(ids []string) any { return map[string]any{"models": front.ListedAll(f, ids)} }

// Recognizes implements front.Recognizer. In version 1 of Google's API nothing but the key's header tells, or the verb
// in the address.
func (Format) Recognizes(asked front.Asked) bool {
	path := asked.Path()
	return bytes.HasPrefix(path, []byte("/v1beta/")) ||
		bytes.HasPrefix(path, []byte("/v1/models")) && (onlyOurs(asked) || bytes.IndexByte(path, ':') > 0 && string(asked.Method()) == "POST")
}

// onlyOurs says whether a client sends its key as Google's clients do, and in no other way.
func onlyOurs(asked front.Asked) bool {
	return len(asked.Header("X-Goog-Api-Key")) > 0 && len(asked.Header("Authorization")) == 0
}
