//go:build !race

package provider

import (
	"runtime"
	"strings"
	"testing"
)

// What a list takes is bounded by how many entries are read, not by what a provider sends.
func TestLongListOfNothingTakesLittle(t *testing.T) {
	for name, body := range map[string]string{
		"empty entries":  `{"data":[` + strings.Repeat(`{},`, 4<<20) + `{}]}`,
		"nulls":          `{"models":[` + strings.Repeat(`null,`, 3<<20) + `null]}`,
		"two lists":      `{"data":[` + strings.Repeat(`{},`, 2<<20) + `{}],"models":[` + strings.Repeat(`{},`, 2<<20) + `{}]}`,
		"no names":       `{"data":[` + strings.Repeat(`7,`, 7<<20) + `7]}`,
		"Amazon's, none": `{"modelSummaries":[` + strings.Repeat(`{},`, 4<<20) + `{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			ids, err := modelIDs([]byte(body))
			ids = append(ids, bedrockModelIDs([]byte(body))...)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc - 2*uint64(len(body)); len(ids) > 0 || err == nil || took > 32<<20 {
				t.Errorf("%d bytes beside the list's %d: %d names, %v", took, len(body), len(ids), err)
			}
		})
	}
}
