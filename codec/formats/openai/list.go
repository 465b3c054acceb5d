package openai

import "uniapi/codec/front"

var _ front.Lister = Format{}

// listedModel is a model as OpenAI lists it.
type listedModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// Listed implements front.Lister.
func (Format) Listed(id string) any { return listedModel{id, "model", front.ListedAt, "uni-api"} }

// List implements front.Lister.
func (f Format) List(ids []string) any {
	return struct {
		Object string `json:"object"`
		Data   []any  `json:"data"`
	}{"list", front.ListedAll(f, ids)}
}
