package budget

// KeptBuffer is how large a buffer may be, in bytes, that is kept for the next request.
const KeptBuffer = 64 << 10

// Beyond is what a buffer takes of the budget: those that are kept for the next request are no part of it.
func Beyond(buffer []byte) int {
	if cap(buffer) <= KeptBuffer {
		return 0
	}
	return cap(buffer)
}

// ValueDecoded is what a value takes in the neutral form, in bytes: a part of a message has 170, and lists grow by
// halves.
const ValueDecoded = 320

// Decoding is what reading so many bytes of JSON into the neutral form takes, in which there are so many values.
func Decoding(bytes, values int) int { return bytes + ValueDecoded*values }
