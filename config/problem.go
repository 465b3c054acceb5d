package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Severity says what a problem means for the file.
type Severity uint8

const (
	// Error: the file cannot be used, or something in it is left out or does not do what it says.
	Error Severity = iota
	// Warning: the file does what it says, which may not be what was meant.
	Warning
)

// String is "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Problem is one thing wrong with the file: where, which word, and in Message what to change.
type Problem struct {
	File         string
	Line, Column int    // from 1
	Word         string // the wrong word; masked if it may be a secret; empty if something is missing
	Message      string
	Severity     Severity
	Item         Item   // of an error: what a start leaves out for it; of a warning ""
	Of           string // the name of the provider or the client key that it belongs to; "" if it belongs to all
}

// Lost says what is left out, and why: "provider northwind: api.yaml:3:5: error: message".
func (p Problem) Lost() string {
	item := strings.ReplaceAll(string(p.Item), "_", " ")
	if p.Of != "" {
		item += " " + p.Of
	}
	return item + ": " + p.String()
}

// Place is "api.yaml:3:5".
func (p Problem) Place() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// String is "api.yaml:3:5: error: message", the form that editors and compilers share.
func (p Problem) String() string {
	return p.Place() + ": " + p.Severity.String() + ": " + p.Message
}

// Problems are all that is wrong with a file, in the order of its lines.
type Problems []Problem

// Error prints all problems, one per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// Unusable is the error of a file that cannot be used.
type Unusable struct {
	Problems Problems // errors and warnings
	Advice   Problems // as a Config has it
	Hash     [32]byte // likewise
}

// Error prints the problems, one per line, without the advice.
func (u *Unusable) Error() string { return u.Problems.Error() }

// All are the problems and the advice, in the order of the file's lines.
func (u *Unusable) All() Problems {
	all := append(append(Problems{}, u.Problems...), u.Advice...)
	all.Sort()
	return all
}

// Unwrap makes it Problems.
func (u *Unusable) Unwrap() error { return u.Problems }

// Errors counts those that are more than warnings.
func (p Problems) Errors() (n int) {
	for i := range p {
		if p[i].Severity == Error {
			n++
		}
	}
	return n
}

// Sort puts them in the order of the lines.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// once leaves out repetitions: a place that aliases lead to is read more than once.
func (p Problems) once() Problems {
	seen := map[Problem]bool{}
	return slices.DeleteFunc(p, func(q Problem) bool {
		again := seen[q]
		seen[q] = true
		return again
	})
}

// scrubMinimum keeps scrub from mangling messages because somebody's upstream key is "x".
const scrubMinimum = 8

// scrub masks every secret of the file that found its way into a problem, whatever that way was. The readers do not
// quote secrets; this is for the key that somebody wrote where something else belongs.
func (p Problems) scrub(secrets []string) {
	var long []string
	for _, s := range secrets {
		if len(s) < scrubMinimum {
			continue
		}
		quoted := strconv.Quote(s)
		long = append(long, s, quoted[1:len(quoted)-1])
		if runes := []rune(s); len(runes) > shownMost {
			quoted = strconv.Quote(string(runes[:shownMost]))
			long = append(long, quoted[1:len(quoted)-1])
		}
	}
	// Longest first, so that a secret which is part of another one does not leave the rest of that one behind.
	slices.SortFunc(long, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var pairs []string
	for _, s := range slices.Compact(long) {
		pairs = append(pairs, s, Mask(s))
	}
	masks := strings.NewReplacer(pairs...) // where several match, the first
	for i := range p {
		p[i].Word, p[i].Message, p[i].Of = masks.Replace(p[i].Word), masks.Replace(p[i].Message), masks.Replace(p[i].Of)
	}
}

// shown is a word of the file as a message quotes it: masked if it looks like a key, short, on one line.
func shown(word string) string {
	word = maskRule(word)
	if runes := []rune(word); len(runes) > shownMost {
		word = string(runes[:shownMost]) + "…"
	}
	return strconv.Quote(word)
}

const shownMost = 60 // characters

// didYouMean is a clause that proposes the known word nearest to a misspelt one; empty if none is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

// Nearest is the known word that may be meant by a misspelt one; empty if none is near.
func Nearest(word string, known []string) string { return nearest(word, known) }

// mostCompared bounds the pairs of characters that are looked at to find the word that may be meant, which takes about
// a millisecond: clients ask for models that are not there, before any limit counts what they ask.
const mostCompared = 300_000

// nearest returns the known word that the fewest edits make of word, if a third of it or less has to change. Of long
// lists only the beginning is looked through.
func nearest(word string, known []string) string {
	const longest = 64
	left := mostCompared
	if len(word) > longest {
		return ""
	}
	best, bestDistance := "", max(2, len(word)/3)+1
	if len(word) < 4 {
		bestDistance = 2
	}
	for _, k := range known {
		if len(k) > longest || max(len(k)-len(word), len(word)-len(k)) >= bestDistance {
			continue
		}
		if left -= len(word) * len(k); left < 0 {
			break
		}
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make b of a.
func distance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			replace := 1
			if a[i-1] == b[j-1] {
				replace = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
