package anthropic

import "testing"

func TestGenerationsAreReadFromAnySpelling(t *testing.T) {
	for _, c := range []struct {
		name    string
		family  string
		version int64
	}{
		{"claude-3-haiku-20240307", "haiku", 30},
		{"claude-3-5-sonnet-20241022", "sonnet", 35},
		{"claude-3-7-sonnet-20250219", "sonnet", 37},
		{"anthropic/claude-3.7-sonnet", "sonnet", 37},
		{"claude-opus-4-20250514", "opus", 40},
		{"claude-sonnet-4-0", "sonnet", 40},
		{"claude-sonnet-4-5-20250929", "sonnet", 45},
		{"claude-opus-4-5@20251101", "opus", 45},
		{"us.anthropic.claude-opus-4-1-20250805-v1:0", "opus", 41},
		{"anthropic.claude-sonnet-4-20250514-v1:0", "sonnet", 40},
		{"global.anthropic.claude-opus-4-6-v1", "opus", 46},
		{"anthropic.claude-3-5-sonnet-20240620-v1:0", "sonnet", 35},
		{"claude-opus-5", "opus", 50},
		{"claude-fable-5", "fable", 50},
		{"claude-mythos-preview", "mythos", 50},
		{"claude-x", "", 0},
		{"my-model", "", 0},
	} {
		if family, version := generation(c.name); family != c.family || version != c.version {
			t.Errorf("%s: %s %d", c.name, family, version)
		}
	}
}
