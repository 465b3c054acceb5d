package capability

import (
	"fmt"
	"strconv"
	"strings"
)

// pattern is what names of models must look like: text in which each * stands for any characters. What does not end in
// a * takes a variant or a date behind it: o3 is o3-mini too.
type pattern []string

func newPattern(text string) pattern { return strings.Split(strings.ToLower(text), "*") }

// plainName is a model's name without those of publishers and of those who tuned it.
func plainName(model string) string {
	model = strings.ToLower(model)
	return strings.TrimPrefix(model[strings.LastIndexByte(model, '/')+1:], "ft:")
}

func (p pattern) matches(name string) bool {
	rest, ok := strings.CutPrefix(name, p[0])
	if !ok {
		return false
	}
	last := len(p) - 1
	if last == 0 {
		return rest == "" || isBreak(rest[0])
	}
	for _, part := range p[1:last] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	end := p[last]
	for {
		i := strings.Index(rest, end)
		if i < 0 {
			return false
		}
		if rest = rest[i+len(end):]; end == "" || rest == "" || isBreak(rest[0]) {
			return true
		}
	}
}

func isBreak(c byte) bool { return c == '-' || c == '@' || c == ':' }

// version is the number in a name behind the first text of the pattern, a hundred for each whole: 540 is not 5.4, 504
// is. 0 if there is none.
func (p pattern) version(name string) int {
	for _, part := range p {
		if part != "" {
			_, name, _ = strings.Cut(name, part)
			break
		}
	}
	for i := 0; i < len(name); {
		if !isDigit(name[i]) {
			i++
			continue
		}
		whole, end := digits(name, i)
		if whole < 0 || end < len(name) && name[end] == 'b' { // a date, or a size
			i = end
			continue
		}
		part := 0
		if end < len(name) && strings.IndexByte(".-:", name[end]) >= 0 {
			n, stop := digits(name, end+1)
			if n >= 0 && (stop == len(name) || strings.IndexByte(".-@:_", name[stop]) >= 0) {
				part = n
			}
		}
		return whole*100 + part
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits reads the one or two digits that begin at i, and tells where they end; -1 if there are none, or more.
func digits(s string, i int) (n, end int) {
	for end = i; end < len(s) && isDigit(s[end]); end++ {
	}
	if end == i || end-i > 2 {
		return -1, end
	}
	n, _ = strconv.Atoi(s[i:end])
	return n, end
}

// bounds are what a version must be.
type bounds struct {
	from, below int // 0 is no bound
	none        bool
}

// newBounds reads ">=5.4 <6", or "none" for names without a version.
func newBounds(text string) (b bounds, err error) {
	if text == "none" {
		return bounds{none: true}, nil
	}
	for _, word := range strings.Fields(text) {
		number := strings.TrimLeft(word, "<>=")
		whole, part, _ := strings.Cut(number, ".")
		n, bad := strconv.Atoi(whole)
		m := 0
		if part != "" && bad == nil {
			m, bad = strconv.Atoi(part)
		}
		at := n*100 + m
		switch sign := word[:len(word)-len(number)]; {
		case bad != nil:
			return b, fmt.Errorf("%q is no version; write \">=5.4 <6\", \"5.1\" or none", text)
		case sign == ">=":
			b.from = at
		case sign == "<":
			b.below = at
		case sign == "":
			b.from, b.below = at, at+1
		default:
			return b, fmt.Errorf("%q: a version is given by >= and <, as in \">=5.4 <6\"", text)
		}
	}
	return b, nil
}

func (b bounds) hold(version int) bool {
	if b.none {
		return version == 0
	}
	return version > 0 && version >= b.from && (b.below == 0 || version < b.below)
}
