package codec

import "testing"

func TestTierWordIsWhatPricesCallATier(t *testing.T) {
	for _, c := range []struct{ path, said, want string }{
		{ServiceTier, "flex", "flex"}, {ServiceTier, "", ""}, {"serviceTier", "SERVICE_TIER_PRIORITY", "priority"}, {"serviceTier", "Standard", "standard"},
		{"serviceTier.type", "priority", "priority"}, {Speed, "fast", "fast"}, {Speed, "standard", ""}, {Speed, "1.5", ""},
	} {
		if got := TierWord(c.path, c.said); got != c.want {
			t.Errorf("%s %q is %q, want %q", c.path, c.said, got, c.want)
		}
	}
}
