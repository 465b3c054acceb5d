package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documented is a key as docs/configuration.md has it.
type documented struct{ section, key, normal, meaning string }

var inCode = regexp.MustCompile("`([^`]+)`")

func guideText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// guide are the keys of the tables in docs/configuration.md, and the environment's variables.
func guide(t *testing.T) (out []documented) {
	t.Helper()
	section, table := "", ""
	for line := range strings.Lines(guideText(t)) {
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

// words are those that a key may have and that have a meaning of their own: the document or, where it lists them in another place, the program
// tells them.
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
			more = notServed.FindString(guideText(t))
		}
	}
	return append(inTicks(more), strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })...)
}

// notServed is where the document names the engines that uni-api has and this program has not.
var notServed = regexp.MustCompile(`engine that is not served \([^)]*\)`)

func inTicks(text string) (words []string) {
	for _, word := range inCode.FindAllStringSubmatch(text, -1) {
		words = append(words, word[1])
	}
	return words
}
