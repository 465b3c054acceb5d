package seam

import (
	"fmt"
	"strings"
	"testing"
)

// joined is the second piece without what it repeats, when it comes in pieces of so many bytes.
func joined(said, next string, anew bool, size int) string {
	s, out := New([]byte(said), anew), ""
	for len(next) > 0 {
		n := min(size, len(next))
		out += string(s.Push([]byte(next[:n])))
		next = next[n:]
	}
	return out + string(s.End())
}

var long = strings.Repeat("A line of it. ", 2*lookBack/14)

// TestWhatIsRepeatedIsCut gives the second piece in pieces of all sizes.
func TestWhatIsRepeatedIsCut(t *testing.T) {
	for _, c := range []struct {
		name, said, next string
		anew             bool
		want             string
	}{
		{"nothing is repeated", "The quick brown", " fox jumps", false, " fox jumps"},
		{"the whole is", "The quick brown", "The quick brown fox", false, " fox"},
		{"the whole is, and it is short", "Yes", "Yes, it is", false, ", it is"},
		{"the whole is, and nothing follows", "The quick brown", "The quick brown", true, ""},
		{"the whole is, behind space", "The quick brown", "\n\nThe quick brown fox", true, " fox"},
		{"the whole of a long text is", long + "End", long + "End, really", true, ", really"},
		{"the last words are", "The quick brown fox jumps", "brown fox jumps over", false, " over"},
		{"the last words of a long text are", long + "and at last", "it. and at last, this", false, ", this"},
		{"a last word is, when told to go on", "The quick brown", "brown fox", true, " fox"},
		{"a last word is, as its own", "The quick brown", "brown fox", false, "brown fox"},
		{"a piece of a word is, when told to go on", "The quick bro", "brown fox", true, "wn fox"},
		{"an end of a word is not a word", "It was a banana", "ana", true, "ana"},
		{"the longest repetition counts", "ho ho ho ho", "ho ho ho", true, ""},
		{"what begins like the whole is not it", "The quick brown fox", "The quick red fox", true, "The quick red fox"},
		{"what ends within the whole is not it", "The quick brown fox", "The quick", true, "The quick"},
		{"lines that are drawn", "| a |\n|--------------", "--------------|", false, "--------------|"},
		{"numbers", "3.333333333333333", "333333333333333", false, "333333333333333"},
		{"a script without space", "今日はとても良い天気です", "良い天気ですね", false, "ね"},
		{"space at the end", "The quick ", "brown", false, "brown"},
		{"space at the end that comes again", "The quick ", " brown", false, "brown"},
		{"lines at the end that come again", "One.\n\n", "\n\nTwo.", false, "Two."},
		{"a line at the end, and more of them", "One.\n", "\n\nTwo.", false, "\nTwo."},
		{"a repetition, and space at the end", "The quick ", "The quick brown", true, "brown"},
		{"nothing was said", "", " fox", false, " fox"},
		{"only space was said", " \n", " \nfox", false, "fox"},
		{"nothing is said any more", "The quick", "", false, ""},
		{"only space follows", "The quick", "  ", false, "  "},
	} {
		for size := 1; size <= len(c.next)+1; size += 1 + size/8 {
			if got := joined(c.said, c.next, c.anew, size); got != c.want {
				t.Errorf("%s, in pieces of %d: %.60q, not %q", c.name, size, got, c.want)
				break
			}
		}
	}
}

// TestWhatIsHeldIsBounded has a model repeat all but the end.
func TestWhatIsHeldIsBounded(t *testing.T) {
	said := strings.Repeat("x", 1<<20)
	s := New([]byte(said), true)
	for range 1 << 10 {
		s.Push([]byte(said[:1<<10-1]))
	}
	if most := 2*len(said) + 8*lookBack; s.Held() > most {
		t.Errorf("%d bytes are held of %d", s.Held(), len(said))
	}
}

// FuzzSeam holds that what is left is an end of what came, however it is split, and that nothing is cut but what was
// said.
func FuzzSeam(f *testing.F) {
	f.Add("The quick brown", "brown fox", true, 3)
	f.Add("a\n", "a\n", false, 1)
	f.Add("\xff\xfe a", "\xfe a", true, 2)
	f.Fuzz(func(t *testing.T, said, next string, anew bool, size int) {
		size = 1 + (size&0xff+0x100)&0xff
		whole, split := joined(said, next, anew, len(next)+1), joined(said, next, anew, size)
		if whole != split {
			t.Fatalf("%q at once, %q in pieces of %d", whole, split, size)
		}
		if !strings.HasSuffix(next, whole) {
			t.Fatalf("%q is no end of %q", whole, next)
		}
		if cut := strings.Trim(next[:len(next)-len(whole)], " \t\r\n"); !strings.Contains(said, cut) {
			t.Fatalf("%q was cut, and not said in %q", cut, said)
		}
	})
}

func ExampleSeam() {
	s := New([]byte("The quick bro"), true)
	fmt.Printf("%s%s", s.Push([]byte("brown fox")), s.End())
	// Output: wn fox
}
