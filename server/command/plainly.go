package command

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// plainly is a text without what a terminal would obey, and without what would break a table or turn the rest of its
// line round.
func plainly(text string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// plainLines writes lines plainly, but for tabs. A write is of whole lines.
type plainLines struct{ to io.Writer }

func (p plainLines) Write(text []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		words, ended := strings.CutSuffix(line, "\n")
		for i, word := range strings.Split(words, "\t") {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(plainly(word))
		}
		if ended {
			out.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(p.to, out.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// complaints is where commands say what went wrong, which may be in the words of a file that somebody else has written.
type complaints struct{}

func (complaints) Write(text []byte) (int, error) { return plainLines{os.Stderr}.Write(text) }
