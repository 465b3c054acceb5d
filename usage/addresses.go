package usage

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"uniapi/codec/saturate"
)

// addresses are how many requests came from which client address in one span of time.
type addresses map[string]int64

// keptAddresses is how many a span keeps, those with the most requests; the rest are added up under otherAddresses, so
// that a crowd of clients cannot fill the ledger.
const keptAddresses = 256

const otherAddresses = "others"

// encode writes them: a length, an address and a count each; nil if there are none.
func (a addresses) encode() []byte {
	list := slices.SortedFunc(maps.Keys(a), func(x, y string) int { return cmp.Or(cmp.Compare(a[y], a[x]), cmp.Compare(x, y)) })
	var out []byte
	write := func(address string, n int64) {
		out = binary.AppendUvarint(out, uint64(len(address)))
		out = binary.AppendUvarint(append(out, address...), uint64(n))
	}
	rest := int64(0)
	for i, address := range list {
		if i < keptAddresses && address != otherAddresses {
			write(address, a[address])
		} else {
			rest = saturate.Add(rest, a[address])
		}
	}
	if rest > 0 {
		write(otherAddresses, rest)
	}
	return out
}

// add adds what encode wrote.
func (a addresses) add(data []byte) error {
	for len(data) > 0 {
		size, err := uvarint(&data)
		if err != nil || size > uint64(len(data)) {
			return errBatch
		}
		address := data[:size]
		data = data[size:]
		n, err := uvarint(&data)
		if err != nil {
			return err
		}
		a[string(address)] = saturate.Add(a[string(address)], int64(n))
	}
	return nil
}
