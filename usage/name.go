package usage

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Name is a Series by what it counts.
type Name struct {
	Kind Kind
	// Who is a client key, by its hash. Of attempts it is the provider's key, masked, and of clients their address.
	Who             string
	Provider, Model string
	// Endpoint is the method and the path. Of parts what they cost by stands behind it.
	Endpoint string
}

// words are the name in the order in which the ledger has it.
func (n *Name) words() [4]string {
	if n.Kind == ofAttempts {
		return [...]string{n.Provider, n.Model, n.Who, n.Endpoint}
	}
	return [...]string{n.Who, n.Provider, n.Model, n.Endpoint}
}

// nameOf is the name of which these are the words.
func nameOf(kind Kind, words [4]string) Name {
	if kind == ofAttempts {
		return Name{kind, words[2], words[0], words[1], words[3]}
	}
	return Name{kind, words[0], words[1], words[2], words[3]}
}

// channel and key name the sums that a series of requests goes into.
func (n Name) channel() Name { return Name{ofChannels, "", n.Provider, n.Model, n.Endpoint} }
func (n Name) key() Name     { return Name{Kind: ofKeys, Who: n.Who} }

// ofOtherModels is the series of the models that are not told apart.
func (n Name) ofOtherModels() Name {
	switch n.Kind {
	case ofRequests, ofParts:
		n.Model = otherModels
	case ofAttempts:
		n.Model = otherModels
	}
	return n
}

// lostName stands for a series whose name the ledger has lost, so that its number is not given again. Nothing of it is
// counted.
func lostName(number uint32) Name {
	return Name{Kind: ofNothing, Who: strconv.FormatUint(uint64(number), 10)}
}

// mostWord bounds a word of a name, in bytes. It is one less than a power of two.
const mostWord = 255

// long says whether a word is longer than the ledger takes.
func (n *Name) long() bool { return len(n.Who)|len(n.Provider)|len(n.Model)|len(n.Endpoint) > mostWord }

// bounded is the name with words that are too long cut short. What told them apart still does.
func (n Name) bounded() Name {
	return Name{n.Kind, boundedWord(n.Who), boundedWord(n.Provider), boundedWord(n.Model), boundedWord(n.Endpoint)}
}

func boundedWord(word string) string {
	if len(word) <= mostWord {
		return word
	}
	sum := sha256.Sum256([]byte(word))
	end := mostWord - len("…") - 2*8
	for end > 0 && !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end] + "…" + hex.EncodeToString(sum[:8])
}

// nameForm is how the ledger writes names.
type nameForm struct {
	write func(n Name) []byte
	read  func(data []byte) (Name, error)
}

var (
	errName   = errors.New("a name in the ledger cannot be read")
	errNumber = errors.New("a number of a name in the ledger cannot be")
)

// lengthened names are the kind, then each word behind its length: a word may hold any byte.
var lengthened = nameForm{
	write: func(n Name) []byte {
		data := []byte{byte(n.Kind)}
		for _, word := range n.words() {
			data = append(binary.AppendUvarint(data, uint64(len(word))), word...)
		}
		return data
	},
	read: func(data []byte) (n Name, err error) {
		if len(data) == 0 {
			return n, errName
		}
		kind, data := Kind(data[0]), data[1:]
		var words [4]string
		for i := range words {
			size, err := uvarint(&data)
			if err != nil || size > uint64(len(data)) {
				return n, errName
			}
			words[i], data = string(data[:size]), data[size:]
		}
		if len(data) > 0 {
			return n, errName
		}
		return nameOf(kind, words), nil
	},
}

// separated names are those of the versions before 3: a NUL stands between the words, so a word that has one makes a
// name unreadable.
var separated = nameForm{
	write: func(n Name) []byte {
		words := n.words()
		return append([]byte{byte(n.Kind)}, strings.Join(words[:], "\x00")...)
	},
	read: func(data []byte) (n Name, err error) {
		if len(data) == 0 {
			return n, errName
		}
		words := strings.Split(string(data[1:]), "\x00")
		if len(words) != 4 {
			return n, errName
		}
		return nameOf(Kind(data[0]), [4]string(words)), nil
	},
}

// mostMissing bounds the names in a row that the ledger may have lost: a number that is farther from the one before is
// no number.
const mostMissing = 1 << 20

// readNames reads the names by number; the first number is 1. Those that cannot be read are in lost, and stand as lost
// names.
func readNames(r reader, form nameForm, lost *damages) ([]Name, error) {
	list := make([]Name, 1)
	err := r.each(tableNames, func(key, value []byte) error {
		number := 0
		if len(key) == 4 {
			number = int(binary.BigEndian.Uint32(key))
		}
		if number < len(list) || number > len(list)+mostMissing {
			lost.note(tableNames, key, value, errNumber)
			return nil
		}
		for len(list) < number {
			list = append(list, lostName(uint32(len(list))))
		}
		n, err := form.read(value)
		if err != nil {
			lost.note(tableNames, key, value, err)
			n = lostName(uint32(number))
		}
		list = append(list, n)
		return nil
	})
	return list, err
}

func nameKey(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }

func putName(w writer, number uint32, n Name) error {
	return w.put(tableNames, nameKey(number), lengthened.write(n))
}
