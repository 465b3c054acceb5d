package capability

import "testing"

func TestTableKnowsWhoGoesOnWithItsWords(t *testing.T) {
	for format, models := range map[string]map[string]bool{
		Messages: {"claude-3-5-haiku-20241022": true, "claude-sonnet-4-5": true, "claude-opus-4-1@20250805": true, "claude-sonnet-4-6": false, "claude-opus-4-7": false,
			"claude-sonnet-5": false, "claude-mythos-preview": false, "our-claude": false},
		Converse: {"us.anthropic.claude-opus-4-1-20250805-v1:0": true, "anthropic.claude-sonnet-4-6": false, "amazon.nova-pro-v1:0": false},
		Gemini:   {"gemini-2.5-pro": true, "gemini-3-pro-preview": true, "gemini-3.1-flash": true, "gemini-3.5-pro": false, "gemini-4-pro": false, "gemini-1.0-pro": false, "gemma-3-27b-it": false},
		Chat:     {"gpt-4o": false, "claude-sonnet-4-5": false},
	} {
		for model, want := range models {
			if got := Find(Query{Format: format, Model: model}).Takes("continues", false); got != want {
				t.Errorf("%s, %s: %v", format, model, got)
			}
		}
	}
}
