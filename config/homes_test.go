package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every flag in the operations guide is known to who writes it into the file, but for the one that names the file.
func TestFlagsInTheFileAreTold(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\|").FindAllStringSubmatch(string(guide), -1)
	if len(flags) != len(serveFlags)+1 {
		t.Errorf("%d flags in the guide, %d are known", len(flags)-1, len(serveFlags))
	}
	for _, flag := range flags {
		if flag[1] == "config" {
			continue
		}
		for _, key := range []string{flag[1], strings.ReplaceAll(flag[1], "-", "_")} {
			if told := belongs(key, nil); !strings.Contains(told, "--"+flag[1]+" of") {
				t.Errorf("%s: %q", key, told)
			}
		}
	}
}
