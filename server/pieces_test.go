package server

import (
	"encoding/json"
	"testing"

	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

func TestTextInPiecesFindsAMemberOfAMember(t *testing.T) {
	for body, want := range map[string]string{
		`{"serviceTier":{"type":"flex"},"a":{"type":"b"}}`:                        "flex",
		`{"a":{"serviceTier":{"type":"no"}},"serviceTier":{"x":1,"type":"flex"}}`: "flex",
		`{"serviceTier":"flex"}`:                                                    "",
		`{"serviceTier":null,"messages":[{"type":"flex"}]}`:                         "",
		`{"messages":[{"serviceTier":{"type":"no"}}],"text":"serviceTier","c":"d"}`: "",
	} {
		for cut := range body {
			if got := textInPieces([][]byte{[]byte(body[:cut]), []byte(body[cut:])}, "serviceTier.type"); got != want {
				t.Fatalf("%q at %d of %s, want %q", got, cut, body, want)
			}
		}
	}
}

// FuzzTextInPieces holds what is found in an object that lies in pieces to what is found in it whole.
func FuzzTextInPieces(f *testing.F) {
	f.Add(`{"model":"m","service_tier":"flex"}`, 3, 20)
	f.Add(`{"messages":[{"service_tier":"no","content":"\"service_tier\":\"x\\"}],"service\u005ftier":"fl\u0065x"}`, 50, 51)
	f.Add(`{"service_tier":null,"a":"b"}`, 0, 9)
	f.Add(`{"a":{"b":","},"service_tier":"\\"}`, 33, 34)
	f.Add(`{"a":"service_tier","b":"flex","service_tier":{"service_tier":"no"},"c":"d"}`, 5, 60)
	f.Fuzz(func(t *testing.T, body string, one, two int) {
		whole := []byte(body)
		var members map[string]json.RawMessage
		if json.Unmarshal(whole, &members) != nil || members == nil {
			return
		}
		for _, said := range members {
			if len(said) > mostOfPiece {
				return
			}
		}
		one = max(min(one, len(whole)), 0)
		two = max(min(two, len(whole)), one)
		want, _ := rawjson.Text(whole, front.Member(whole, "service_tier"))
		if got := textInPieces([][]byte{whole[:one], whole[one:two], whole[two:]}, "service_tier"); got != want {
			t.Errorf("%q in three pieces, %q whole, of %s", got, want, body)
		}
	})
}
