package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wordsIn are the words of a text, in lower case: oneWord and one_word are two.
func wordsIn(text string) (words []string) {
	begin := 0
	end := func(at int) {
		if begin < at {
			words = append(words, strings.ToLower(text[begin:at]))
		}
	}
	small := false // the letter before
	for i := range len(text) {
		c := text[i]
		capital := 'A' <= c && c <= 'Z'
		letter := capital || 'a' <= c && c <= 'z'
		if !letter || capital && small {
			end(i)
			begin = i
		}
		if !letter {
			begin++
		}
		small = letter && !capital
	}
	end(len(text))
	return words
}

func TestWordsOfTheGlossaryAreKept(t *testing.T) {
	page := contents(t, "docs", "architecture.md")
	_, glossary, begins := strings.Cut(page, "\n## Words\n")
	glossary, _, ends := strings.Cut(glossary, "\n## ")
	if !begins || !ends {
		t.Fatal("docs/architecture.md has no glossary")
	}
	replacedBy, rows := map[string]string{}, 0
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \|([^|]*)\|$`).FindAllStringSubmatch(glossary, -1) {
		rows++
		for old := range strings.SplitSeq(row[2], ",") {
			if old = strings.TrimSpace(old); old != "" && !strings.HasPrefix(old, "no longer") && !strings.HasPrefix(old, "-") {
				replacedBy[old] = row[1]
			}
		}
	}
	if rows < 20 || len(replacedBy) < 6 {
		t.Fatalf("the glossary has %d rows and %d old words", rows, len(replacedBy))
	}
	// Names that are others' to give, or that users have in their rules.
	foreign := strings.NewReplacer(glossary, "", "Hugging Face", "", "EqualFold", "", "uniapi_ledger_fold_", "", "(?:lag|fold)", "")
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", "build", "dist", "testdata", "data"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".md", ".py", ".sh"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(path + "\n" + foreign.Replace(string(text))) {
			for _, word := range wordsIn(line) {
				instead := replacedBy[word]
				if instead == "" {
					instead = replacedBy[strings.TrimSuffix(word, "s")]
				}
				if instead != "" {
					t.Errorf("%s says %s; the word is %s: %s", path, word, instead, strings.TrimSpace(line))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Where is what: the answers are files and functions that there are.
func TestAnswersOfTheArchitectureAreThere(t *testing.T) {
	_, answers, _ := strings.Cut(contents(t, "docs", "architecture.md"), "\n## Where is what\n")
	answers, _, _ = strings.Cut(answers, "\n## ")
	names, files := ours(t), 0
	for _, m := range regexp.MustCompile("`([A-Za-z][\\w./]+)`").FindAllStringSubmatch(answers, -1) {
		name := m[1]
		switch {
		case strings.Contains(name, "/"):
			files++
			if _, err := os.Stat(filepath.Join("..", name)); err != nil {
				t.Error(err)
			}
		case strings.HasSuffix(name, ".go"): // of a format's folder
			if there, err := filepath.Glob(filepath.Join("..", "codec", "formats", "*", name)); err != nil || len(there) == 0 {
				t.Errorf("no format has a file %s: %v", name, err)
			}
		case !names[name] && !slices.Contains([]string{"api.yaml", "SIGTERM"}, name):
			t.Errorf("docs/architecture.md names %s, and there is no such function or type", name)
		}
	}
	if files < 15 {
		t.Errorf("%d files are named", files)
	}
}
