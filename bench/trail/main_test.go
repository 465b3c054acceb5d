package main

import (
	"slices"
	"testing"
)

func TestDifferencesNamesWhatIsInOneOfBothAlone(t *testing.T) {
	const page = "| what | where |\n| --- | --- |\n| `server/a.go` | `Server.one`, `two` | it begins |\n| `server/b.go` | `gone` | it ends |\n| `usage/c.go` | `other` | elsewhere |\n| `server/none.go` | text | nothing |\n"
	list := listed(page, []string{"server"})
	if len(list) != 2 || !slices.Equal(list["server/a.go"], []string{"Server.one", "two"}) {
		t.Fatalf("the page lists %v", list)
	}
	went := map[string][]string{"server/a.go": {"two", "Server.one", "three"}}
	want := []string{"server/a.go: three is passed and not listed", "server/b.go: gone is listed and not passed"}
	if got := differences(went, list); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := differences(list, list); got != nil {
		t.Errorf("of the same: %q", got)
	}
}
