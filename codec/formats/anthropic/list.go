package anthropic

import (
	"bytes"
	"time"

	"uniapi/codec/front"
)

var (
	_ front.Lister     = Format{}
	_ front.Recognizer = Format{}
)

// listedModel is a model as Anthropic lists it.
type listedModel struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

// Listed implements front.Lister.
func (Format) Listed(id string) any {
	return listedModel{"model", id, id, time.Unix(front.ListedAt, 0).UTC().Format(time.RFC3339)}
}

// List implements front.Lister.
func (f Format) List(ids []string) any {
	list := map[string]any{"data": front.ListedAll(f, ids), "has_more": false, "first_id": nil, "last_id": nil}
	if len(ids) > 0 {
		list["first_id"], list["last_id"] = ids[0], ids[len(ids)-1]
	}
	return list
}

// Recognizes implements front.Recognizer: Anthropic's clients always say the version of the API.
func (Format) Recognizes(asked front.Asked) bool {
	return bytes.HasPrefix(asked.Path(), []byte("/v1/messages")) || len(asked.Header(versionLine)) > 0
}
