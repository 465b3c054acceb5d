package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documented is a key as docs/reference.md has it.
type documented struct{ section, key, normal, meaning string }

var inCode = regexp.MustCompile("`([^`]+)`")

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reference are the keys of the tables in docs/reference.md, and the environment's variables.
func reference(t *testing.T) (out []documented) {
	t.Helper()
	section, table := "", ""
	for line := range strings.Lines(page(t, "reference.md")) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		switch {
		case strings.HasPrefix(line, "#"):
			section, table = strings.Trim(line, "# \n"), ""
		case !strings.HasPrefix(line, "|"):
			table = ""
		case table == "":
			table = strings.Join(strings.Fields(line), " ")
		case table == "| key | type | default | example | meaning |" || table == "| variable | default | meaning |":
			for _, key := range inCode.FindAllStringSubmatch(cells[0], -1) {
				out = append(out, documented{section, key[1], strings.TrimSpace(cells[len(cells)/2]), cells[len(cells)-1]})
			}
		}
	}
	return out
}

// unused says that the document tells of a key that it does nothing.
func (d documented) unused() bool {
	says := strings.ToLower(d.normal + d.meaning)
	return strings.Contains(says, "not used yet") || strings.Contains(says, "changes nothing") || strings.HasPrefix(says, "ignored")
}

// words are those that a key may have and that have a meaning of their own: the document or, where it lists them in
// another place, the program tells them.
func (d documented) words(t *testing.T) []string {
	list, more := "", ""
	switch d.key {
	case "rules[].match", "exclude_request_rules[].match":
		end := regexp.MustCompile(`[.;] `).FindStringIndex(d.meaning)
		return inTicks(d.meaning[:end[0]])
	case "engine", "api_key_schedule_algorithm", "SCHEDULING_ALGORITHM":
		s := newStage(t)
		s.write(file{}.text(t, levels[d.section], "{"+d.key+": nonesuch}"))
		said, _ := s.check()
		_, list, _ = strings.Cut(said, " one of ")
		list, _, _ = strings.Cut(list, "\n")
		if d.key == "engine" {
			more = notServed.FindString(page(t, "configuration.md"))
		}
	}
	return append(inTicks(more), strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })...)
}

// notServed is where the guide names the engines that uni-api has and this program has not.
var notServed = regexp.MustCompile(`engine\s+that\s+is\s+not\s+served\s+\([^)]*\)`)

func inTicks(text string) (words []string) {
	for _, word := range inCode.FindAllStringSubmatch(text, -1) {
		words = append(words, word[1])
	}
	return words
}
