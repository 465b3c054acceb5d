//go:build !race

package usage

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The Python uni-api may have written down whatever models its clients asked for.
func TestImportOfManyModelsTellsTheLaterOnesTogether(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 30, 0, 0, time.UTC)
	const beyond = 5000
	var file strings.Builder
	file.WriteString(pastHead)
	for i := range mostImported + beyond {
		file.WriteString(pastRow(i+1, "2026-05-01 10:00:00", fmt.Sprintf("openai,m%d,%s,0,,0,0,0", i, pastKey)))
	}
	for i := range 3 { // those that are known stay
		file.WriteString(pastRow(mostImported+beyond+i+1, "2026-05-01 10:00:00", "openai,m0,"+pastKey+",0,,0,0,0"))
	}
	dir := t.TempDir()
	done, err := importInto(t, dir, now, file.String())
	if err != nil || done.Requests != mostImported+beyond+3 {
		t.Fatal(done, err)
	}
	b := open(t, Options{Dir: dir, Now: func() time.Time { return now }})
	byModel := map[string]int64{}
	for _, u := range b.TokenUsage("", "", time.Unix(0, 0), now) {
		byModel[u.Model] = u.Requests
	}
	if len(byModel) != mostImported+1 || byModel[otherModels] != beyond || byModel["m0"] != 4 {
		t.Errorf("%d models, %d others, %d of the first", len(byModel), byModel[otherModels], byModel["m0"])
	}
}

func TestImportOfManyKeysIsRefused(t *testing.T) {
	var file strings.Builder
	file.WriteString(pastHead)
	for i := range 2*mostImported + 1 {
		file.WriteString(pastRow(i+1, "2026-05-01 10:00:00", fmt.Sprintf("openai,m,sk-%d,0,,0,0,0", i)))
	}
	if done, err := importInto(t, t.TempDir(), time.Now(), file.String()); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(done, err)
	}
}
