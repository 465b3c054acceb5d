package codec

import (
	"testing"

	"uniapi/codec/rawjson"
)

func TestTierToldIsTheWordOfPrices(t *testing.T) {
	for said, want := range map[string]string{
		`"default"`: UsualTier, `"standard"`: UsualTier, `"STANDARD"`: UsualTier, `"auto"`: "", `null`: "", `""`: "", `7`: "", `{"type":"flex"}`: "", `"priority"`: "priority",
		`"SERVICE_TIER_FLEX"`: "flex", `"on_demand"`: UsualTier, `"ON_DEMAND_PRIORITY"`: "priority", `"PROVISIONED_THROUGHPUT"`: UsualTier, `"Some-Day"`: "some-day",
		`"012345678901234567890123456789012"`: "",
	} {
		data := []byte(said)
		v, err := rawjson.One(data)
		if err != nil {
			t.Fatal(err)
		}
		got := TierTold(data, v)
		for i := range data {
			data[i] = '#'
		}
		if got != want {
			t.Errorf("%s: %q, want %q", said, got, want)
		}
	}
}

func TestJoinTierHasAPlaceBesideTheTier(t *testing.T) {
	for _, c := range []struct {
		members []string // paths and words in turn
		want    string
	}{
		{[]string{ServiceTier, "priority", Speed, "fast"}, "fast"}, {[]string{Speed, "fast", Place, "us"}, "fast+us"}, {[]string{Place, "us", Speed, "fast"}, "fast+us"},
		{[]string{Place, "us", Speed, ""}, "us"}, {[]string{ServiceTier, UsualTier, Place, "us"}, "us"}, {[]string{ServiceTier, UsualTier, Place, ""}, UsualTier}, {nil, ""},
		{[]string{ServiceTier, "flex", Place, "us", ServiceTier, "priority"}, "priority+us"},
	} {
		tier := ""
		for i := 0; i < len(c.members); i += 2 {
			tier = JoinTier(tier, c.members[i], c.members[i+1])
		}
		if tier != c.want {
			t.Errorf("%v: %q, want %q", c.members, tier, c.want)
		}
	}
	for path, said := range map[string]string{Place: "global", Speed: "standard"} {
		if got := TierWord(path, said); got != "" {
			t.Errorf("%s %s: %q", path, said, got)
		}
	}
}

func TestUpdateKeepsTheTierThatWasTold(t *testing.T) {
	var u Usage
	for _, next := range []Usage{{Tier: "priority"}, {}, {Prompt: 5, Completion: 1}, {Gaps: NoPrompt, Completion: 3}, {}} {
		u.Update(next)
	}
	if u.Tier != "priority" || u.Prompt != 5 {
		t.Errorf("%+v", u)
	}
	if u.Update(Usage{Prompt: 5, Completion: 9, Tier: UsualTier}); u.Tier != UsualTier {
		t.Errorf("%+v", u)
	}
}
