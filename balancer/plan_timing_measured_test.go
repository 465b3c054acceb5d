//go:build !race

package balancer

import (
	"fmt"
	"testing"
)

func TestThousandRuleSetsLoadAsFastAsOne(t *testing.T) {
	// What takes time is making routes: none is made before it is asked for.
	f := large(func(key int) []string { return []string{fmt.Sprintf("<vendor/model-%d>", key), "all"} }).build()
	for range f.table.Key("sk-0").found.all() {
		t.Fatal("a route was made that nobody has asked for")
	}
	if got := candidates(f.table.Key("sk-250"), "vendor/model-250"); got != "provider-1/vendor/model-250 provider-2/vendor/model-250" {
		t.Errorf("channels %q", got)
	}
	if got := len(f.table.Key("sk-999").Models()); got != 5000 {
		t.Errorf("%d models, want 5000", got)
	}
}
