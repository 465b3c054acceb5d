package config

import (
	"cmp"
	flags "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flags.Bool("update", false, "bring docs/reference.md in line with the tables of fields")

const (
	tableHead = "| key | type | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"
	untold    = "| ? | ? | ? | ? |"
)

// The tables of the reference follow the program's tables of fields: a field that is not told of gets a row to be
// filled in, a row whose field has gone goes, and the list by the alphabet is made of what there is then.
func TestReferenceIsMadeOfTheFields(t *testing.T) {
	is := page(t, "reference.md")
	made := is
	for _, p := range places {
		text := section(t, made, p.heading)
		of, left := fieldsIn(p.heading), text
		for _, r := range rows(t, text) {
			if !slices.Contains(of, r.key) {
				left = withoutRow(left, r.key)
			}
		}
		for _, key := range of {
			if !strings.Contains(left, "\n| `"+key+"` |") {
				end := strings.LastIndex(left, "|\n") + len("|\n")
				left = left[:end] + "| `" + key + "` " + untold + "\n" + left[end:]
			}
		}
		made = inSection(made, p.heading, text, left)
	}
	const alphabet = "Keys by the alphabet"
	made = inSection(made, alphabet, section(t, made, alphabet), "\n\n"+byTheAlphabet(t, made)+"\n")
	if *update && made != is {
		if err := os.WriteFile("../docs/reference.md", []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if made != is {
		t.Error("docs/reference.md is not made of the tables of fields: go test ./config -run Reference -update")
	}
	if strings.Contains(made, untold) {
		t.Error("docs/reference.md has a key without type, default, example and meaning")
	}
}

// fieldsIn are the fields that a section of the reference tells of.
func fieldsIn(heading string) (keys []string) {
	for _, p := range places {
		if p.heading == heading {
			for _, key := range p.keys {
				keys = append(keys, p.prefix+key)
			}
		}
	}
	return keys
}

// inSection puts another text in the place of a section's.
func inSection(page, heading, is, text string) string {
	before, after, _ := strings.Cut(page, "\n## "+heading+"\n")
	return before + "\n## " + heading + "\n" + strings.Replace("\n"+after, is, text, 1)[1:]
}

func withoutRow(text, key string) string {
	begin := strings.Index(text, "\n| `"+key+"` |") + 1
	end := begin + strings.IndexByte(text[begin:], '\n') + 1
	return text[:begin] + text[end:]
}

// byTheAlphabet lists each key once, with the sections that have it.
func byTheAlphabet(t *testing.T, reference string) string {
	in := map[string][]string{}
	headings := []string{}
	for _, p := range places {
		if !slices.Contains(headings, p.heading) {
			headings = append(headings, p.heading)
		}
	}
	for _, heading := range headings {
		for _, r := range rows(t, section(t, reference, heading)) {
			in[r.key] = append(in[r.key], fmt.Sprintf("[%s](#%s)", heading, anchors("# " + heading)[0]))
		}
	}
	keys := []string{}
	for key := range in {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(strings.Trim(a, "_")), strings.ToLower(strings.Trim(b, "_"))), cmp.Compare(a, b))
	})
	var out strings.Builder
	out.WriteString("| key | stands in |\n| --- | --- |\n")
	for _, key := range keys {
		fmt.Fprintf(&out, "| `%s` | %s |\n", key, strings.Join(in[key], ", "))
	}
	return out.String()
}
