package price

import (
	"fmt"
	"strings"
	"testing"
)

// padded is an object of litellm's form with as many entries as a list must have.
func padded(more string) string {
	var b strings.Builder
	b.WriteString("{" + more)
	for i := range fewestPrices {
		fmt.Fprintf(&b, `, "pad-%02d": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}`, i)
	}
	return b.String() + "}"
}

func TestReadForeignKnowsTheFormsOfLitellmAndModelsDev(t *testing.T) {
	for _, test := range []struct{ in, name, want string }{
		{`"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06, "max_output_tokens": 16384,
			"input_cost_per_token_priority": 5e-06, "input_cost_per_token_above_200k_tokens": 6e-06, "input_cost_per_token_batches": 1e-06, "supports_vision": true}`,
			"openai/gpt-x", "2.5,10,1.25,2.5; above 200000 tokens 6,10,1.25,6; priority 5,10,1.25,5"},
		{`"gpt-u": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "input_cost_per_token_ultrafast": 6e-06, "input_cost_per_token_above_200k_tokens_ultrafast": 1.2e-05}`,
			"openai/gpt-u", "1,0,1,1; ultrafast 6,0,6,6; ultrafast above 200000 tokens 12,0,12,12"},
		{`"claude-f": {"litellm_provider": "anthropic", "input_cost_per_token": 5e-06, "output_cost_per_token": 2.5e-05, "input_cost_per_token_above_200k_tokens": 1e-05, "provider_specific_entry": {"us": 1.1, "fast": 2.0}}`,
			"anthropic/claude-f", "5,25,5,5; above 200000 tokens 10,25,10,10; fast+us 11,55,11,11; fast 10,50,10,10; us 5.5,27.5,5.5,5.5; fast+us above 200000 tokens 22,55,22,22; fast above 200000 tokens 20,50,20,20; us above 200000 tokens 11,27.5,11,11"},
		{`"claude-n": {"litellm_provider": "anthropic", "input_cost_per_token": 5e-06, "provider_specific_entry": {"fast": "many"}}`, "anthropic/claude-n", "5,0,5,5"},
		{`"bedrock/some.model-v1:0": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 1e-06, "output_cost_per_token": 0}`, "bedrock/some.model-v1:0", "1,0,1,1"},
		{`"vertex_ai/claude-x": {"litellm_provider": "vertex_ai-anthropic_models", "input_cost_per_token": 3e-06}`, "vertex_ai/claude-x", "3,0,3,3"},
		{`"whisper-x": {"litellm_provider": "openai", "input_cost_per_second": 0.0001}`, "openai/whisper-x", "per_second 0.0001"},
		{`"twice": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}, "openai/twice": {"litellm_provider": "openai", "input_cost_per_token": 2e-06}`, "openai/twice", "1,0,1,1"},
		{`"moonshotai": {"id": "moonshotai", "models": {"kimi-x": {"cost": {"input": 0.6, "output": 2.5, "cache_read": 0.15}, "limit": {"context": 262144, "output": 16384}}}}`,
			"moonshot/kimi-x", "0.6,2.5,0.15,0.6"},
		{`"google": {"models": {"gemini-x": {"cost": {"input": 1.25, "output": 10, "context_over_200k": {"input": 2.5, "output": 15}}}}}`,
			"gemini/gemini-x", "1.25,10,1.25,1.25; above 200000 tokens 2.5,15,2.5,2.5"},
		{`"openai": {"models": {"gpt-y": {"cost": {"input": 5, "output": 30, "tiers": [{"input": 10, "output": 45, "tier": {"type": "context", "size": 272000}}], "context_over_200k": {"input": 10}}}}}`,
			"openai/gpt-y", "5,30,5,5; above 272000 tokens 10,45,10,10"},
		{`"night": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "off_peak_pricing": {"hours_utc": "16:30-00:30", "input_cost_per_token": 5e-07}}`,
			"deepseek/night", "1,2,1,1; off-peak (00:00-00:30, 16:30-24:00 UTC) 0.5,2,0.5,0.5"},
		{`"days": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"input_cost_per_token": 5e-07, "windows": [
			{"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 2, "wed", "Thursday", 5]}, {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}}`,
			"deepseek/days", "1,0,1,1; off-peak (mon-fri 00:00-01:00, mon-fri 10:00-24:00, sat-sun 00:00-24:00 UTC) 0.5,0,0.5,0.5"},
		{`"there": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"input_cost_per_token": 5e-07, "weekday_timezone": "Asia/Shanghai", "windows": [
			{"hours_utc": "10:00-00:00", "weekdays": [5]}]}}`, "deepseek/there", "1,0,1,1; off-peak (fri 00:00-08:00, fri 18:00-24:00 Asia/Shanghai) 0.5,0,0.5,0.5"},
		{`"summer": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"input_cost_per_token": 5e-07, "weekday_timezone": "Europe/Berlin", "hours_utc": "10:00-00:00"}}`,
			"deepseek/summer", "1,0,1,1"},
		{`"odd": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"input_cost_per_token": 5e-07, "hours_utc": "at night"}}`, "deepseek/odd", "1,0,1,1"},
		{`"nothing": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"hours_utc": "10:00-11:00"}}`, "deepseek/nothing", "1,0,1,1"},
		{`"gpt-4o-search-preview": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06, "search_context_cost_per_query": {"search_context_size_medium": 0.025}}`,
			"openai/gpt-4o-search-preview", "2.5,0,2.5,2.5 per_request 0.025"},
		{`"gpt-9-search-api-2031-01-01": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "search_context_cost_per_query": {"search_context_size_medium": 0.01}}`,
			"openai/gpt-9-search-api-2031-01-01", "1,0,1,1 per_request 0.01"},
		{`"gpt-z": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "search_context_cost_per_query": {"search_context_size_medium": 0.025}}`, "openai/gpt-z", "1,0,1,1 per_search 0.01 (preview 0.025) per_file_search 0.0025"},
		{`"gpt-v": {"litellm_provider": "openai", "mode": "responses", "input_cost_per_token": 1e-06, "supports_reasoning": true}`, "openai/gpt-v", "1,0,1,1 per_search 0.01 per_file_search 0.0025"},
		{`"embedder": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 1e-06}`, "openai/embedder", "1,0,1,1"},
		{`"perplexity/sonar-x": {"litellm_provider": "perplexity", "mode": "chat", "input_cost_per_token": 1e-06, "search_context_cost_per_query": {"search_context_size_low": 0.005, "search_context_size_medium": 0.008}}`,
			"perplexity/sonar-x", "1,0,1,1 per_request 0.005 (medium 0.008)"},
		{`"xai/grok-x": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 1e-06}`, "xai/grok-x", "1,0,1,1 per_search 0.005 per_file_search 0.0025 per_code_call 0.005 per_document_search 0.01"},
		{`"gemini-2.9": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 1e-06, "search_context_cost_per_query": {"search_context_size_medium": 0.035}}`, "gemini/gemini-2.9", "1,0,1,1 per_search 0.035 per_map 0.025"},
		{`"gemini-9": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 1e-06, "search_context_cost_per_query": {"search_context_size_medium": 0.014}}`, "gemini/gemini-9", "1,0,1,1 per_search 0.014"},
		{`"tavily/search": {"litellm_provider": "tavily", "mode": "search", "input_cost_per_query": 0.008}`, "tavily/search", "per_search 0.008"},
		{`"deepseek/search": {"litellm_provider": "deepseek", "mode": "search", "input_cost_per_query": 0.00075}`, "deepseek/search", ""},
		{`"perplexity/sonar-deep-research": {"litellm_provider": "perplexity", "mode": "chat", "input_cost_per_token": 1e-06, "search_context_cost_per_query": {"search_context_size_low": 0.005, "search_context_size_medium": 0.008}}`,
			"perplexity/sonar-deep-research", "1,0,1,1 per_search 0.005"},
		{`"no-writes": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "cache_read_input_token_cost": 1e-07, "cache_creation_input_token_cost": 0.0}`, "deepseek/no-writes", "1,0,0.1,1"},
		{`"free": {"litellm_provider": "openai", "input_cost_per_token": 0}`, "openai/free", ""},
		{`"hd/1024-x-1024/dall-e-9": {"litellm_provider": "openai", "output_cost_per_image": 0.1}`, "openai/hd/1024-x-1024/dall-e-9", ""},
		{`"hd/1024-x-1024/dall-e-9": {"litellm_provider": "openai", "input_cost_per_pixel": 7.62939e-08}, "hd/1024-x-1792/dall-e-9": {"litellm_provider": "openai", "input_cost_per_pixel": 6.53948e-08},
			"standard/1024-x-1024/dall-e-9": {"litellm_provider": "openai", "input_cost_per_pixel": 3.81469e-08}, "standard/1024-x-1792/dall-e-9": {"litellm_provider": "openai", "input_cost_per_pixel": 4.35965e-08}`,
			"openai/dall-e-9", "per_image 0.04 (1024x1024 0.04, 1024x1792 0.08, hd 1024x1024 0.08, hd 1024x1792 0.12, hd 0.08, standard 1024x1024 0.04, standard 1024x1792 0.08, standard 0.04)"},
		{`"256-x-256/dall-e-8": {"litellm_provider": "openai", "output_cost_per_image": 0.016}, "1024-x-1024/dall-e-8": {"litellm_provider": "openai", "output_cost_per_image": 0.02}`,
			"openai/dall-e-8", "per_image 0.02 (1024x1024 0.02, 256x256 0.016)"},
		{`"gpt-image-9": {"litellm_provider": "openai", "input_cost_per_token": 5e-06, "output_cost_per_image_token": 4e-05, "max_output_tokens": 9},
			"low/1024-x-1024/gpt-image-9": {"litellm_provider": "openai", "input_cost_per_image": 0.011}, "high/1024-x-1536/gpt-image-9": {"litellm_provider": "openai", "input_cost_per_image": 0.25},
			"standard/1024-x-1024/gpt-image-9": {"litellm_provider": "openai", "input_cost_per_image": 0.009}, "1024-x-1024/gpt-image-9": {"litellm_provider": "openai", "input_cost_per_image": 0.009}`,
			"openai/gpt-image-9", "5,0,5,5 image_output 40 per_image 0.25 (high 1024x1536 0.25, low 1024x1024 0.011)"},
		{`"xai/grok-image": {"litellm_provider": "xai", "mode": "image_generation", "input_cost_per_image": 0.06}, "low/1024-x-1024/grok-image": {"litellm_provider": "xai", "input_cost_per_image": 0.04}`,
			"xai/grok-image", "per_image 0.06 (low 1024x1024 0.04)"},
		{`"512-x-512/50-steps/picture": {"litellm_provider": "bedrock", "output_cost_per_image": 0.01}`, "bedrock/picture", ""},
		{`"local": {"litellm_provider": "ollama", "input_cost_per_token": 1e-06}`, "ollama/local", ""},
		{`"dear": {"litellm_provider": "openai", "input_cost_per_token": 5}`, "openai/dear", ""},                                              // five million dollars for a million
		{`"no-price": {"litellm_provider": "openai", "input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06}`, "openai/no-price", ""}, // and not free
		{`"a-text": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": "1e-06"}`, "openai/a-text", ""},
		{`"nothing-said": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": null}`, "openai/nothing-said", "1,0,1,1"},
		{`"google": {"models": {"gemini-below": {"cost": {"input": -1, "output": 2}}}}`, "gemini/gemini-below", ""},
		{`"free-nights": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"hours_utc": "10:00-11:00", "input_cost_per_token": -1}}`, "deepseek/free-nights", ""},
		{`"below": {"litellm_provider": "openai", "input_cost_per_token": -1e-06, "output_cost_per_token": "1"}`, "openai/below", ""},
		{`"with space": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}`, "openai/with space", ""},
	} {
		l, err := ReadForeign([]byte(padded(test.in)), "2031-01-31 test")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		e, is := l.entry(split(test.name))
		if is != (test.want != "") || is && e.Price.String() != test.want {
			t.Errorf("%s: %s, %v; want %s", test.name, e.Price, is, test.want)
		}
		if again, err := ReadText(l.Text()); err != nil || again.Text() != l.Text() || again.Date != "2031-01-31" {
			t.Errorf("%s: what was written is read as another: %v", test.name, err)
		}
	}
	l, err := ReadForeign([]byte(padded(`"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "max_output_tokens": 16384}`)), "2031-01-31")
	if e, is := l.Of("", "gpt-x-2031-01-01"); err != nil || !is || e.Most != 16384 {
		t.Errorf("what it answers at most: %+v, %v", e, err)
	}
}

func TestReadForeignRefusesWhatIsNoList(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", "null", "<html>", `{"a":`, `{"error": {"message": "no"}}`, `{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}}`} {
		if l, err := ReadForeign([]byte(text), "v"); err == nil {
			t.Errorf("%q: %d prices", text, l.Len())
		}
	}
}

func FuzzReadForeign(f *testing.F) {
	f.Add(padded(`"a": {"litellm_provider": "openai", "input_cost_per_token": 1e-999999999, "max_output_tokens": 1e300}`))
	f.Add(padded(`"google": {"models": {"g": {"cost": {"input": 1.25, "tiers": [{"tier": {"size": 5, "type": "context"}, "input": 1}]}, "limit": {"output": 5}}}}`))
	f.Add(padded(`"hd/1024-x-99999/d": {"litellm_provider": "openai", "input_cost_per_pixel": 1e300}, "low/1-x-0/d": {"litellm_provider": "openai", "input_cost_per_image": 5e-324}`))
	f.Add(padded(`"n": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06, "off_peak_pricing": {"input_cost_per_token": 5e-07, "weekday_timezone": "Asia/Shanghai", "windows": [{"hours_utc": ["10:00-00:00"], "weekdays": [5]}]}}`))
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ReadForeign([]byte(text), "2031-01-31 fuzz")
		if err != nil {
			return
		}
		if again, err := ReadText(l.Text()); err != nil || again.Len() != l.Len() {
			t.Fatalf("what it wrote cannot be read: %v", err)
		}
	})
}
