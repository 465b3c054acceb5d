package config

import (
	"cmp"
	flags "flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flags.Bool("update", false, "write docs/reference.md anew")

// The guide is read from top to bottom; the reference is for who has a key and looks it up. It is made of the tables of the
// guide, which TestTheGuideHasEveryKeyAndNoOther and its neighbours hold to the program.
func TestTheReferenceHasWhatTheGuideHas(t *testing.T) {
	guide := guide(t)
	type line struct{ key, in, kind, normal, link string }
	var lines []line
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(guide, -1) {
		for _, r := range rows(t, section(t, guide, h[1])) {
			lines = append(lines, line{r.key, h[1], r.kind, r.normal, anchors("# " + h[1])[0]})
		}
	}
	if len(lines) < 130 {
		t.Fatalf("the guide has only %d keys", len(lines))
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.key), strings.ToLower(b.key)), cmp.Compare(a.in, b.in))
	})
	var out strings.Builder
	out.WriteString("# Every key of `api.yaml`\n\nIn the order of the alphabet, with the section of the [guide](configuration.md) that has its meaning and an example. " +
		"Made of the guide's tables, which a test holds to the program: `go test ./config -run Reference -update`.\n\n| key | type | default | section |\n| --- | --- | --- | --- |\n")
	for _, l := range lines {
		fmt.Fprintf(&out, "| `%s` | %s | %s | [%s](configuration.md#%s) |\n", l.key, plain(l.kind), plain(l.normal), l.in, l.link)
	}
	const path = "../docs/reference.md"
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile(path); err != nil || string(written) != out.String() {
		t.Errorf("docs/reference.md is not what the guide says (%v): go test ./config -run Reference -update", err)
	}
}

// plain is a cell without its links, which lead to places of the guide.
func plain(cell string) string {
	return regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`).ReplaceAllString(cell, "$1")
}
