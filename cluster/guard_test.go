package cluster

import (
	"errors"
	"strings"
	"testing"
)

// fed is how many values a connection brings that is fed in pieces, and what is wrong with it.
func fed(text string, piece int) (values int, kinds string, err error) {
	var f frames
	for len(text) > 0 && err == nil {
		n := min(piece, len(text))
		err = f.feed([]byte(text[:n]), func(kind byte) error { values++; kinds += string(kind); return nil })
		text = text[n:]
	}
	return values, kinds, err
}

func TestWhatRedisMaySayPassesAndNothingElse(t *testing.T) {
	for text, want := range map[string]struct {
		values int
		err    error
	}{
		"+OK\r\n:12\r\n-ERR no\r\n":                               {3, nil},
		"$5\r\nhello\r\n$-1\r\n*-1\r\n$0\r\n\r\n":                 {4, nil},
		"*2\r\n$2\r\nab\r\n*3\r\n:1\r\n:-2\r\n_\r\n+x\r\n":        {2, nil},
		"%1\r\n+a\r\n#t\r\n~0\r\n,1.5\r\n(123\r\n=5\r\ntxt:a\r\n": {5, nil},
		">2\r\n+message\r\n$1\r\nx\r\n:1\r\n":                     {2, nil},
		"HTTP/1.1 400 Bad Request\r\n\r\n":                        {0, errNoRedis},
		"\x16\x03\x01\x00":                                        {0, errNoRedis},
		"+OK\n":                                                   {1, errNoRedis},
		":12a\r\n":                                                {1, errNoRedis},
		"$-2\r\n":                                                 {1, errNoRedis},
		"$99999999999999999999\r\n":                               {1, errNoRedis},
		"$9999999999\r\n":                                         {1, errTooLarge},
		"*9999999\r\n":                                            {1, errTooLarge},
		"%99999999\r\n":                                           {1, errTooLarge},
		strings.Repeat("*1\r\n", deepestReply+1):                  {1, errTooLarge},
		"+" + strings.Repeat("x", longestLine+1):                  {1, errTooLarge},
		":" + strings.Repeat("1", longestHead+1):                  {1, errTooLarge},
		"*9\r\n" + strings.Repeat("$4000000\r\n"+strings.Repeat("x", 4000000)+"\r\n", 6): {1, errTooLarge},
		"?2\r\n":  {0, errNoRedis},
		"#tt\r\n": {1, errNoRedis},
	} {
		for _, piece := range []int{1, 3, 1 << 30} {
			if len(text) > 1<<20 && piece < 1<<20 {
				continue
			}
			if values, _, err := fed(text, piece); values != want.values || !errors.Is(err, want.err) || want.err == nil && err != nil {
				t.Errorf("%.40q in pieces of %d: %d values, %v; want %d, %v", text, piece, values, err, want.values, want.err)
			}
		}
	}
}

func FuzzFrames(f *testing.F) {
	for _, text := range []string{"+OK\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n+a\r\n_\r\n>1\r\n+x\r\n", "$-1\r\n", "*0\r\n#t\r\n"} {
		f.Add(text, 2)
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		whole, kinds, err := fed(text, 1<<30)
		parts, also, bad := fed(text, max(piece, 1))
		if whole != parts || kinds != also || (err == nil) != (bad == nil) {
			t.Errorf("whole: %d %q %v; in pieces: %d %q %v", whole, kinds, err, parts, also, bad)
		}
	})
}
