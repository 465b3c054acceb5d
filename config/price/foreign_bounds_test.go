//go:build !race

package price

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadForeignTakesAsManyPricesAsAListMayHave(t *testing.T) {
	entry := func(name, more string) string {
		return fmt.Sprintf(`"%s": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_image": 0.01%s}`, name, more)
	}
	many := func(form string, n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = entry(fmt.Sprintf(form, i), "")
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	for name, c := range map[string]struct {
		text  string
		wrong bool
	}{
		"as many":         {many("m-%d", mostPrices), false},
		"one more":        {many("m-%d", mostPrices+1), true},
		"images":          {many("1-x-1/m-%d", mostPrices+1), true},
		"sizes of one":    {many("%d-x-1/m", mostPrices+1), true}, // one price is too few
		"an entry of MiB": {padded(entry("long", strings.Repeat(`, "x": 1`, mostEntry/8))), false},
	} {
		l, err := ReadForeign([]byte(c.text), "v")
		if (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && strings.Contains(l.Text(), "openai/long") {
			t.Errorf("%s: it was read", name)
		}
	}
}
