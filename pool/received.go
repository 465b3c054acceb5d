package pool

import "bufio"

// received is what has come over a connection and is not used yet. It is a bufio.Reader whose buffer is lent for as
// long as there is something in it: a connection that waits, be it for the next event of a stream or for the next
// request, has none. So thousands of open streams take no more buffers than there are events at a time, and these stay
// in the processor's cache.
type received struct {
	c      *conn
	buffer *[]byte // nil while nothing is held
	r, w   int     // what is not used yet lies between them
	err    error   // the read that brought it failed behind it
}

// Size is how much is held at most.
func (b *received) Size() int { return b.c.target.pool.opts.MaxHeader }

// Buffered is how much can be had without a read.
func (b *received) Buffered() int { return b.w - b.r }

// Peek returns the next n bytes without using them, after as many reads as that takes. They are valid until the next
// read. If there are fewer, the error says why: bufio.ErrBufferFull if the buffer holds no more.
func (b *received) Peek(n int) ([]byte, error) {
	for b.Buffered() < n && b.Buffered() < b.Size() && b.err == nil {
		b.fill()
	}
	if there := b.Buffered(); there < n {
		err := b.err
		if b.err = nil; err == nil {
			err = bufio.ErrBufferFull
		}
		n = there
		return b.next(n), err
	}
	return b.next(n), nil
}

// next is the next n bytes of those that are there.
func (b *received) next(n int) []byte {
	if n == 0 {
		return nil
	}
	return (*b.buffer)[b.r : b.r+n]
}

// Discard uses n of the bytes that are there. They stay where they are until the next read.
func (b *received) Discard(n int) { b.r += n }

// fill reads once, behind what is there.
func (b *received) fill() {
	switch {
	case b.r == b.w:
		b.r, b.w = 0, 0
	case b.r > 0:
		b.w = copy(*b.buffer, (*b.buffer)[b.r:b.w])
		b.r = 0
	}
	var n int
	n, b.err = b.c.receive(b)
	b.w += n
}

// Lend is where the next bytes are to be read to.
func (b *received) Lend() []byte {
	if b.buffer == nil {
		b.buffer = b.c.target.pool.lent.Get().(*[]byte)
	}
	return (*b.buffer)[b.w:]
}

// Return gives the buffer back if it holds nothing that is not used yet.
func (b *received) Return() {
	if b.r != b.w || b.buffer == nil {
		return
	}
	b.r, b.w = 0, 0
	spoil(*b.buffer)
	b.c.target.pool.lent.Put(b.buffer)
	b.buffer = nil
}
