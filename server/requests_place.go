package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// sealedPlaces are where searches of the log of requests have stopped, for client keys that are no admin's: a place
// says how much lies before it, of which others have sent a part that is nobody's business. They are good as long as
// the process.
type sealedPlaces struct{ seal cipher.AEAD }

func newPlaces() sealedPlaces {
	secret := make([]byte, 32)
	rand.Read(secret)
	block, err := aes.NewCipher(secret)
	if err != nil { // of a length that is none: never
		panic(err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return sealedPlaces{seal}
}

// placeLength is how long a place is before it is sealed, so that its length tells nothing.
const placeLength = 64

// hide is what a key is told of a place; "" is none.
func (p sealedPlaces) hide(place string) string {
	if place == "" {
		return ""
	}
	if n := placeLength - len(place); n > 0 {
		place += strings.Repeat(" ", n)
	}
	return base64.RawURLEncoding.EncodeToString(p.seal.Seal(nil, nil, []byte(place), nil))
}

// find is the place; false if it was not hidden here.
func (p sealedPlaces) find(told string) (place string, is bool) {
	if told == "" {
		return "", true
	}
	sealed, err := base64.RawURLEncoding.DecodeString(told)
	if err != nil {
		return "", false
	}
	found, err := p.seal.Open(nil, nil, sealed, nil)
	return strings.TrimRight(string(found), " "), err == nil
}
