// Package toolid makes ids of tool calls that a provider accepts, and lets a provider's signature travel in one.
// Clients that keep nothing but OpenAI's fields still send the id of a call back, and no gateway behind a load balancer
// can remember a signature for them: the next turn may come to another instance.
package toolid

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"uniapi/codec"
)

const (
	mark = "__sig_"
	// MaxSignature is the longest signature, in bytes, that is put into an id. A signature of encrypted thinking is
	// about as long as the thinking; beyond this the id would cost the client more than the lost thinking.
	MaxSignature = 16 << 10
)

// letters are the providers whose signatures travel.
var letters = []struct{ letter, provider string }{{"a", "anthropic"}, {"g", "google"}, {"o", "openai"}}

// Join returns the id with the signature in it, in the alphabet of ids. Without a signature, or with one that cannot
// travel, it is the id alone.
func Join(id string, s codec.Signature) string {
	if s.Value == "" || len(s.Value) > MaxSignature {
		return id
	}
	for _, l := range letters {
		if l.provider != s.Provider {
			continue
		}
		// Signatures are base64 themselves: written again in the alphabet of ids they grow no longer.
		if raw, err := base64.StdEncoding.DecodeString(s.Value); err == nil && base64.StdEncoding.EncodeToString(raw) == s.Value {
			return id + mark + l.letter + "b" + base64.RawURLEncoding.EncodeToString(raw)
		}
		return id + mark + l.letter + "t" + base64.RawURLEncoding.EncodeToString([]byte(s.Value))
	}
	return id
}

// Split undoes Join. An id without a signature is returned as it is.
func Split(id string) (string, codec.Signature) {
	at := strings.LastIndex(id, mark)
	if at < 0 || len(id) < at+len(mark)+2 {
		return id, codec.Signature{}
	}
	letter, kind, data := id[at+len(mark):][:1], id[at+len(mark)+1], id[at+len(mark)+2:]
	raw, err := base64.RawURLEncoding.DecodeString(data)
	if err != nil || len(raw) == 0 {
		return id, codec.Signature{}
	}
	for _, l := range letters {
		if l.letter != letter {
			continue
		}
		switch kind {
		case 'b':
			return id[:at], codec.Signature{Provider: l.provider, Value: base64.StdEncoding.EncodeToString(raw)}
		case 't':
			return id[:at], codec.Signature{Provider: l.provider, Value: string(raw)}
		}
	}
	return id, codec.Signature{}
}

// Clean returns an id of letters, digits, '_' and '-' of at most limit characters (0 is any number), without a
// signature. One that is good already stays. Others keep what they can and get a hash behind it, so that a call and its
// result become the same, in this turn and in the next, and two ids never become one: the hash is too long for anybody
// to find two ids that share it, and an id that already ends like one that was made here is not good.
func Clean(id string, limit int) string {
	if strings.Contains(id, mark) {
		id, _ = Split(id)
	}
	good := id != "" && (limit == 0 || len(id) <= limit) && !Made(id)
	for i := 0; good && i < len(id); i++ {
		good = allowed(id[i])
	}
	if good {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	kept := []byte(id)
	if limit > 0 && len(kept) > limit-hashSize {
		kept = kept[:limit-hashSize]
	}
	for i, c := range kept {
		if !allowed(c) {
			kept[i] = '_'
		}
	}
	return string(hex.AppendEncode(append(kept, hashMark...), sum[:hashBytes]))
}

const (
	hashMark  = "_h"
	hashBytes = 16
	hashSize  = len(hashMark) + 2*hashBytes
)

// Made says whether an id ends like those that Clean makes.
func Made(id string) bool {
	at := len(id) - hashSize
	if at < 0 || id[at:at+len(hashMark)] != hashMark {
		return false
	}
	for _, c := range []byte(id[at+len(hashMark):]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func allowed(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-'
}

// Of is the proof that comes with a call: its own, or the one in its id. The former is from formats that have a place
// for it.
func Of(p *codec.Part) codec.Signature {
	if p.Signature.Value != "" {
		return p.Signature
	}
	_, s := Split(p.Call.ID)
	return s
}
