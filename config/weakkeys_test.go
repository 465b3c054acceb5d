package config

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// providersKeys are the keys in our examples that stand for a provider's.
var providersKeys = []string{
	"sk-put-your-openai-key-here", "sk-or-put-your-first-key-here", "sk-or-put-your-second-key-here", "sk-backup", "sk-first", "sk-second", "sk-ant-api03",
}

// A client key of an example that is not in the list would be taken without a word,
// and one that stands in no example any more has no business there.
func TestPublishedKeysAreThoseOfTheExamples(t *testing.T) {
	files := []string{"../api.example.yaml", "../README.md"}
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil || len(docs) < 5 {
		t.Fatalf("%v, %v", docs, err)
	}
	found := map[string]bool{}
	for _, path := range append(files, docs...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range regexp.MustCompile(`\bsk-[A-Za-z0-9-]{3,}[A-Za-z0-9]`).FindAllString(string(text), -1) {
			if slices.Contains(providersKeys, key) {
				continue
			}
			found[key] = true
			if !isPublished(key) {
				t.Errorf("%s has the key %s, which is none of publishedKeys; it is a provider's if it stands in providersKeys here", path, key)
			}
		}
	}
	for _, key := range publishedKeys {
		if theirs := len(key) >= 40 && regexp.MustCompile(`^sk-[A-Za-z0-9]+$`).MatchString(key); !theirs && !found[key] {
			t.Errorf("%s stands in no example", key)
		}
	}
}

func TestFileThatCannotBeUsedHasItsAdviceToo(t *testing.T) {
	_, err := Parse("api.yaml", []byte("providers:\n  - provider: p\n    model: [m]\napi_keys:\n  - api: sk-choose-one\n  - api: sk-short\n"), noEnv)
	u, is := errors.AsType[*Unusable](err)
	if !is || len(u.Problems) != 1 || len(u.Advice) != 2 || u.Advice[0].Line != 5 || u.Advice[1].Line != 6 {
		t.Errorf("%#v", err)
	}
	if strings.Contains(err.Error(), "keygen") {
		t.Errorf("it counts as an error: %v", err)
	}
}

func TestKeysThatOthersKnowOrGuessAreToldOf(t *testing.T) {
	const file = "providers:\n  - provider: p\n    base_url: http://127.0.0.1:1/v1\n    model: [m]\napi_keys:\n"
	for _, test := range []struct{ key, want string }{
		{"sk-replace-me-with-what-uni-api-keygen-prints", "example"},
		{"SK-Replace-Me-With-What-uni-api-keygen-prints", "example"},
		{"${NO_SUCH:-sk-choose-one}", "example"},
		{"sk-KjjI60Yf0JFWxfgRmXqFWyGtWUd9GZnmi3KlvowmRWpWpQRo", "example"},
		{"sk-pkhf60Yf0JGyJxgRmXqFQyTgWUd9GZnmi3KlvowmRWpWqrhy", "example"},
		{"sk-123456789012", "fewer than 16"},
		{"x", "fewer than 16"},
		{"ключключключклю", "fewer than 16"},
		{"ключключключключ", ""},
		{"sk-1234567890123", ""},
		{"sk-replace-me-with-what-uni-api-keygen-printz", ""},
		{"aaaaaaaaaaaaaaaaaaaaaaaa", "repeats a few"},
		{"abcdabcdabcdabcdabcdabcd", "repeats a few"},
		{"sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
	} {
		c, err := Parse("api.yaml", []byte(file+"  - api: "+test.key+"\n"), noEnv)
		if err != nil || len(c.Warnings) > 0 {
			t.Fatalf("%s: it is refused, or counted as a mistake: %v, %v", test.key, err, c.Warnings)
		}
		if test.want == "" {
			if len(c.Advice) > 0 {
				t.Errorf("%s: %v", test.key, c.Advice)
			}
			continue
		}
		if len(c.Advice) != 1 || !strings.Contains(c.Advice[0].Message, test.want) || c.Advice[0].Line != 6 || len(test.key) > 5 && strings.Contains(c.Advice[0].String(), test.key[3:8]) {
			t.Errorf("%s: %v", test.key, c.Advice)
		}
	}
}

func TestProvidersKeysThatAreLookedForNowhereAreToldOf(t *testing.T) {
	for key, told := range map[string]bool{"00000000000000000000": true, "xyxyxyxyxy": true, "sk-00000000000000000000": false, "none": false, "xxxx": false, "sk-qwertzuiopasdfghjkl": false} {
		c, err := Parse("api.yaml", []byte("providers:\n  - provider: p\n    base_url: http://127.0.0.1:1/v1\n    api: [sk-first-qwertzuiop, \""+key+"\"]\n    model: [m]\napi_keys:\n  - api: sk-qwertzuiopasdfghjkl\n"), noEnv)
		if err != nil || len(c.Warnings) > 0 {
			t.Fatalf("%s: %v, %v", key, err, c.Warnings)
		}
		if len(c.Advice) > 0 != told || told && (c.Advice[0].Line != 4 || !strings.Contains(c.Advice[0].Message, "not taken out of errors")) {
			t.Errorf("%s: %v", key, c.Advice)
		}
	}
}
