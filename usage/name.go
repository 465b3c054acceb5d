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
	Kind       Kind
	A, B, C, D string
}

// channel and key name the sums that a series of requests goes into.
func (n Name) channel() Name { return Name{ofChannels, "", n.B, n.C, n.D} }
func (n Name) key() Name     { return Name{Kind: ofKeys, A: n.A} }

// ofOtherModels is the series of the models that are not told apart.
func (n Name) ofOtherModels() Name {
	switch n.Kind {
	case ofRequests, ofParts:
		n.C = otherModels
	case ofAttempts:
		n.B = otherModels
	}
	return n
}

// lostName stands for a series whose name the ledger has lost, so that its number is not given again. Nothing of it is counted.
func lostName(number uint32) Name {
	return Name{Kind: ofNothing, A: strconv.FormatUint(uint64(number), 10)}
}

// mostWord bounds a word of a name, in bytes. It is one less than a power of two.
const mostWord = 255

// long says whether a word is longer than the ledger takes.
func (n *Name) long() bool { return len(n.A)|len(n.B)|len(n.C)|len(n.D) > mostWord }

// bounded is the name with words that are too long cut short. What told them apart still does.
func (n Name) bounded() Name {
	return Name{n.Kind, boundedWord(n.A), boundedWord(n.B), boundedWord(n.C), boundedWord(n.D)}
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
		for _, word := range [...]string{n.A, n.B, n.C, n.D} {
			data = append(binary.AppendUvarint(data, uint64(len(word))), word...)
		}
		return data
	},
	read: func(data []byte) (n Name, err error) {
		if len(data) == 0 {
			return n, errName
		}
		n.Kind, data = Kind(data[0]), data[1:]
		for _, word := range [...]*string{&n.A, &n.B, &n.C, &n.D} {
			size, err := uvarint(&data)
			if err != nil || size > uint64(len(data)) {
				return n, errName
			}
			*word, data = string(data[:size]), data[size:]
		}
		if len(data) > 0 {
			return n, errName
		}
		return n, nil
	},
}

// separated names are those of the versions before 3: a NUL stands between the words, so a word that has one makes a name unreadable.
var separated = nameForm{
	write: func(n Name) []byte {
		return append([]byte{byte(n.Kind)}, strings.Join([]string{n.A, n.B, n.C, n.D}, "\x00")...)
	},
	read: func(data []byte) (n Name, err error) {
		if len(data) == 0 {
			return n, errName
		}
		words := strings.Split(string(data[1:]), "\x00")
		if len(words) != 4 {
			return n, errName
		}
		return Name{Kind(data[0]), words[0], words[1], words[2], words[3]}, nil
	},
}

// mostMissing bounds the names in a row that the ledger may have lost: a number that is farther from the one before is no number.
const mostMissing = 1 << 20

// readNames reads the names by number; the first number is 1. Those that cannot be read are in lost, and stand as lost names.
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
