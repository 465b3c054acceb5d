package telemetry

import "math/bits"

// A piece of a secret of secretRun bytes holds secretRun-gramSize+1 pieces of
// gramSize, of which one is at a place that gramStep divides. So it is enough to
// know every gramStep'th gram of each form to find where a piece of one may be,
// wherever in the secret it begins. The gram has eight bytes, since these are
// compared at once.
const (
	gramSize = 8
	gramStep = SecretRun - gramSize + 1

	// sharedGram is how many forms a gram may be in. What more have in common is no
	// secret: it is what all keys of one maker begin with. The grams behind it tell
	// them apart, and are known instead.
	sharedGram = 64
)

// gram is eight bytes of a form.
type gram struct {
	bytes uint64
	form  int32
	at    int32 // in the form
	after int32 // another gram of the same bucket, from 1; 0 is none
}

// gramIndex finds grams by their bytes. A look at one bit tells nearly always that
// there is none, and most places of a text need none: wherever a piece of a secret
// begins, one of so many looks in a row that are stride apart is inside of it.
type gramIndex struct {
	looks  []uint64 // set of the hashes of every eight bytes of all forms
	look   uint     // of a hash, to a bit of looks
	stride int

	bits  []uint64 // set of the hashes of all grams
	heads []int32  // the first gram of each bucket, from 1
	grams []gram
	shift uint // of a hash, to a bit
	less  uint // from a bit to a bucket
}

// indexed is the index of all forms, of which as many bytes as shortest are a piece.
func indexed(forms []secretForm, shortest int) (x gramIndex) {
	x.indexLooks(forms, shortest)
	count := map[uint64]int{}
	each := func(step int, visit func(form, at int, bytes uint64)) {
		for i := range forms {
			for at := 0; at+gramSize <= len(forms[i].text); at += step {
				visit(i, at, gramAt(forms[i].text, at))
			}
		}
	}
	each(gramStep, func(_, _ int, bytes uint64) { count[bytes]++ })
	shared := map[uint64]int{} // how many forms the grams behind a shared one are in
	from := func(form, first, at int, visit func(at int, bytes uint64)) {
		for next := max(first, 0); next < at+gramStep && next+gramSize <= len(forms[form].text); next++ {
			if next != at {
				visit(next, gramAt(forms[form].text, next))
			}
		}
	}
	behind := func(form, at int, visit func(at int, bytes uint64)) { from(form, at+1, at, visit) }
	each(gramStep, func(form, at int, bytes uint64) {
		if count[bytes] > sharedGram {
			behind(form, at, func(_ int, bytes uint64) { shared[bytes]++ })
		}
	})
	each(gramStep, func(form, at int, bytes uint64) {
		if isRow(bytes) { // in the place of it those that reach beyond the row, on either side
			from(form, at-gramStep+1, at, func(at int, bytes uint64) {
				if !isRow(bytes) {
					x.grams = append(x.grams, gram{bytes: bytes, form: int32(form), at: int32(at)})
				}
			})
			return
		}
		if count[bytes] <= sharedGram {
			x.grams = append(x.grams, gram{bytes: bytes, form: int32(form), at: int32(at)})
			return
		}
		behind(form, at, func(at int, bytes uint64) {
			if shared[bytes] <= sharedGram {
				x.grams = append(x.grams, gram{bytes: bytes, form: int32(form), at: int32(at)})
			}
		})
	})
	// 16 bits and a half of a bucket for each gram, at least 8 KB of bits.
	size := max(16, uint(bits.Len(uint(16*len(x.grams)))))
	x.shift, x.less = 64-size, 3
	x.bits, x.heads = make([]uint64, 1<<size/64), make([]int32, 1<<(size-x.less))
	for i := range x.grams {
		g := &x.grams[i]
		bit := x.hash(g.bytes)
		x.bits[bit/64] |= 1 << (bit % 64)
		g.after, x.heads[bit>>x.less] = x.heads[bit>>x.less], int32(i+1)
	}
	return x
}

// indexLooks is what near looks at.
func (x *gramIndex) indexLooks(forms []secretForm, shortest int) {
	x.stride = max(1, min(shortest, SecretRun)-gramSize+1)
	count := 0
	for i := range forms {
		count += max(0, len(forms[i].text)-gramSize+1)
	}
	size := max(16, uint(bits.Len(uint(16*count)))) // 16 bits for each, at least 8 KB
	x.look, x.looks = 64-size, make([]uint64, 1<<size/64)
	for i := range forms {
		for at := 0; at+gramSize <= len(forms[i].text); at++ {
			bit := gramAt(forms[i].text, at) * hashFactor >> x.look
			x.looks[bit/64] |= 1 << (bit % 64)
		}
	}
}

// gramAt is the gram at a place in a text.
func gramAt(text string, at int) uint64 {
	t := text[at : at+gramSize]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 | uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// isRow says that a gram is made of one or two characters, as rows of zeros are. Any
// text may have such, and would be looked at more closely at each.
func isRow(bytes uint64) bool {
	first := byte(bytes)
	second := first
	for range gramSize {
		switch c := byte(bytes); {
		case c == first || c == second:
		case first == second:
			second = c
		default:
			return false
		}
		bytes >>= 8
	}
	return true
}

// hash is the bit that stands for a gram.
func (x *gramIndex) hash(bytes uint64) uint64 { return bytes * hashFactor >> x.shift }

const hashFactor = 0x9e3779b97f4a7c15

// may is false if there is no such gram.
func (x *gramIndex) may(bytes uint64) bool {
	bit := x.hash(bytes)
	return x.bits[bit/64]&(1<<(bit%64)) != 0
}

// near is where in a text, from a place on, a piece of a secret may be: none begins
// before start, and at look there are eight bytes that a secret has, too. Both are the
// text's end if there is none. It is what nearly all looks come to: eight bytes are
// taken at once, and none waits for those before it.
func (x *gramIndex) near(text string, from int) (start, look int) {
	looks, shift, stride := x.looks, x.look&63, x.stride
	for i := from; i+gramSize <= len(text); i += stride {
		bit := gramAt(text, i) * hashFactor >> shift
		if word := bit / 64; word < uint64(len(looks)) && looks[word]&(1<<(bit%64)) != 0 {
			return max(from, i-stride+1), i
		}
	}
	return len(text), len(text)
}

// first is the first gram of a gram's bucket, which may have other bytes.
func (x *gramIndex) first(bytes uint64) *gram { return x.at(x.heads[x.hash(bytes)>>x.less]) }

// next is the one behind another one, nil behind the last.
func (x *gramIndex) next(g *gram) *gram { return x.at(g.after) }

func (x *gramIndex) at(i int32) *gram {
	if i == 0 {
		return nil
	}
	return &x.grams[i-1]
}
