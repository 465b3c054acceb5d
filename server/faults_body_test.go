package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

// lengths are bodies whose length is told wrongly.
func lengths() []*fault {
	length := func(name string, may ends, e ending, values func(n int) []string) *fault {
		return &fault{name: name, on: eitherWay, may: may, waits: e == stalls, statuses: []int{502, 504}, play: func(a *performance) ending {
			w := a.framed(a.content(), byClosing)
			w.fields, w.ending = w.fields[:1], e
			for _, v := range values(len(w.body())) {
				w.fields = append(w.fields, "Content-Length: "+v)
			}
			return a.gives(w)
		}}
	}
	return []*fault{
		length("length-too-long-and-closed", refused|cut, closes, func(n int) []string { return []string{fmt.Sprint(n + 5)} }),
		length("length-too-long-and-stalled", refused|cut, stalls, func(n int) []string { return []string{fmt.Sprint(n + 5)} }),
		length("length-absurd", refused|cut, closes, func(n int) []string { return []string{"1152921504606846975"} }),
		length("length-beyond-numbers", refused|cut|whole, closes, func(n int) []string { return []string{"99999999999999999999999999"} }),
		length("length-too-short", refused|cut, goesOn, func(n int) []string { return []string{fmt.Sprint(n - n/3)} }),
		length("length-zero", refused, goesOn, func(n int) []string { return []string{"0"} }),
		length("length-negative", refused|whole, closes, func(n int) []string { return []string{"-5"} }),
		length("length-with-plus", refused|whole, closes, func(n int) []string { return []string{fmt.Sprint("+", n)} }),
		length("length-in-hex", refused|whole, closes, func(n int) []string { return []string{fmt.Sprintf("0x%x", n)} }),
		length("length-empty", refused|whole, closes, func(n int) []string { return []string{""} }),
		length("lengths-that-differ", refused, closes, func(n int) []string { return []string{fmt.Sprint(n), fmt.Sprint(n + 1)} }),
		length("lengths-in-one-field", refused|whole, closes, func(n int) []string { return []string{fmt.Sprintf("%d, %d", n, n)} }),
		length("length-twice", refused|whole, closes, func(n int) []string { return []string{fmt.Sprint(n), fmt.Sprint(n)} }),
		{name: "length-with-chunks", on: eitherWay, may: whole | refused, play: func(a *performance) ending {
			w := a.framed(a.content(), byChunks)
			w.fields = append(w.fields, fmt.Sprint("Content-Length: ", a.rng.IntN(100)))
			return a.gives(w)
		}},
		{name: "chunks-of-another-coding", on: eitherWay, may: whole | refused | cut, statuses: []int{502, 504}, play: func(a *performance) ending {
			w := a.framed(a.content(), byChunks)
			w.fields[1] = "Transfer-Encoding: gzip, identity"
			w.ending = closes
			return a.gives(w)
		}},
	}
}

// chunks are chunked bodies that are framed wrongly, somewhere.
func chunks() []*fault {
	at := func(name string, may ends, e ending, wrong func(piece string) string) *fault {
		return &fault{name: name, on: eitherWay, may: may, waits: e == stalls, statuses: []int{502, 504}, play: func(a *performance) ending {
			pieces := a.content()
			w := a.framed(pieces, byChunks)
			i := a.rng.IntN(len(pieces))
			w.pieces[i], w.ending = wrong(pieces[i]), e
			return a.gives(w)
		}}
	}
	last := func(name string, may ends, e ending, end string) *fault {
		return &fault{name: name, on: eitherWay, may: may, waits: e == stalls, statuses: []int{502, 504}, play: func(a *performance) ending {
			w := a.framed(a.content(), byChunks)
			w.end, w.ending = end, e
			return a.gives(w)
		}}
	}
	const broken = refused | cut
	return []*fault{
		at("chunk-size-of-letters", broken, closes, func(p string) string { return "xyz\r\n" + p + "\r\n" }),
		at("chunk-size-empty", broken, closes, func(p string) string { return "\r\n" + p + "\r\n" }),
		at("chunk-size-negative", broken, closes, func(p string) string { return fmt.Sprintf("-%x\r\n%s\r\n", len(p), p) }),
		at("chunk-size-with-0x", broken, closes, func(p string) string { return fmt.Sprintf("0x%x\r\n%s\r\n", len(p), p) }),
		at("chunk-size-overflowing", broken, closes, func(p string) string { return "fffffffffffffffffffff\r\n" + p + "\r\n" }),
		at("chunk-size-huge", broken, closes, func(p string) string { return "7fffffffffffff\r\n" + p + "\r\n" }),
		at("chunk-size-huge-and-stalled", broken, stalls, func(p string) string { return "7fffffff\r\n" + p + "\r\n" }),
		at("chunk-size-too-small", broken, closes, func(p string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(p)-1, p) }),
		at("chunk-without-end", broken, closes, func(p string) string { return fmt.Sprintf("%x\r\n%s", len(p), p) }),
		at("chunk-lines-without-cr", broken, closes, func(p string) string { return fmt.Sprintf("%x\n%s\n", len(p), p) }),
		at("chunk-line-without-end", broken, closes, func(p string) string { return fmt.Sprintf("%x;%s\r\n%s\r\n", len(p), strings.Repeat("x", 10000), p) }),
		at("chunk-extension", whole, goesOn, func(p string) string { return fmt.Sprintf("%x;name=\"value\"\r\n%s\r\n", len(p), p) }),
		at("chunk-size-with-zeros", whole, goesOn, func(p string) string { return fmt.Sprintf("000%X\r\n%s\r\n", len(p), p) }),
		at("chunk-of-each-byte", whole, goesOn, func(p string) (bytes string) {
			for i := range len(p) {
				bytes += chunk(p[i : i+1])
			}
			return bytes
		}),
		at("last-chunk-too-early", broken, goesOn, func(p string) string { return chunk("") }),
		last("no-last-chunk-and-closed", broken, closes, ""),
		last("no-last-chunk-and-stalled", broken, stalls, ""),
		last("half-a-last-chunk", broken, closes, "0\r\n"),
		last("trailers", whole, goesOn, "0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n"),
		last("trailers-without-end", broken, closes, "0\r\n"+strings.Repeat("X-Trailer: a\r\n", 3000)),
	}
}

// codings are bodies that are compressed, or say so.
func codings() []*fault {
	zipped := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(text))
		z.Close()
		return b.String()
	}
	coded := func(name string, may ends, coding string, change func(a *performance, body string) string) *fault {
		return &fault{name: name, on: eitherWay, may: may, play: func(a *performance) ending {
			w := a.framed([]string{change(a, strings.Join(a.content(), ""))}, delimiting(a.rng.IntN(3)))
			w.fields = append(w.fields, "Content-Encoding: "+coding)
			return a.gives(w)
		}}
	}
	return []*fault{
		coded("gzip", whole, "gzip", func(_ *performance, body string) string { return zipped(body) }),
		coded("gzip-that-is-none", refused, "gzip", func(_ *performance, body string) string { return body }),
		coded("gzip-that-is-cut", refused|cut, "gzip", func(a *performance, body string) string {
			z := zipped(body)
			return z[:a.within(z[:len(z)-8])]
		}),
		coded("gzip-with-a-wrong-sum", refused|cut, "gzip", func(a *performance, body string) string {
			z := []byte(zipped(body))
			z[len(z)-6] ^= 0xff
			return string(z)
		}),
		coded("gzip-with-more-behind", refused|cut|whole, "gzip", func(_ *performance, body string) string { return zipped(body) + "garbage" }),
		coded("deflate-that-is-none", refused, "deflate", func(_ *performance, body string) string { return body }),
		coded("coding-unknown", refused, "br", func(_ *performance, body string) string { return body }),
		coded("coding-twice", refused, "gzip, gzip", func(_ *performance, body string) string { return zipped(zipped(body)) }),
		coded("coding-identity", whole, "identity", func(_ *performance, body string) string { return body }),
	}
}

// aftermaths are of a connection whose answer was right.
func aftermaths() []*fault {
	after := func(name string, e ending, text func(a *performance) string) *fault {
		return &fault{name: name, on: eitherWay, may: whole, play: func(a *performance) ending {
			a.say(a.framed(a.content(), delimiting(a.rng.IntN(2))).String() + text(a))
			return e
		}}
	}
	nothing := func(*performance) string { return "" }
	return []*fault{
		after("closed-behind-the-answer", closes, nothing),
		after("reset-behind-the-answer", resets, nothing),
		after("half-closed-behind-the-answer", halfCloses, nothing),
		after("garbage-behind-the-answer", goesOn, func(*performance) string { return "garbage\r\n\r\n" }),
		after("answer-behind-the-answer", goesOn, func(a *performance) string {
			other := *a
			other.nonce = nonceStart + "000000000000"
			return other.framed(other.content(), byLength).String()
		}),
		after("blank-lines-behind-the-answer", goesOn, func(*performance) string { return "\r\n\r\n" }),
	}
}
