package e2e

import "encoding/json"

// bodyRows are the keys that change what a provider is sent.
var bodyRows = []row{
	{section: "providers[]", key: "tools", set: "{tools: false}", play: members(`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"`, "tools", "tool_choice"),
		without: `[{"type":"function","function":{"name":"f"}}] "none"`, with: "absent absent"},
	{section: "providers[]", key: "image", set: "{image: false}", play: members(`"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:,"}}]}]`, "messages"),
		without: `[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:,"}}]}]`, with: `[{"role":"user","content":[{"type":"text","text":"hi"}]}]`},
	{section: "providers[].preferences", key: "post_body_parameter_overrides", set: "{post_body_parameter_overrides: {temperature: 0.10, m: {top_p: 1.0}, other: {top_k: 1}}}",
		play: members(`"temperature":1`, "temperature", "top_p", "other"), without: "1 absent absent", with: `0.10 1.0 {"top_k":1}`},

	{section: "providers[].preferences", key: "capabilities", set: "{capabilities: {like: mistral}}", play: members(`"seed":7,"logprobs":true`, "seed", "random_seed", "logprobs"),
		without: "7 absent true", with: "absent 7 absent"},
	{section: "providers[].preferences", key: "normalize_responses_custom_tool_call_ids", set: "{normalize_responses_custom_tool_call_ids: true}", file: file{a: "{base_url: $A/v1/responses}"},
		play: func(s *stage) string {
			a := s.post("/v1/responses", `{"model":"m","input":[{"type":"function_call","id":"item_1","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"}]}`)
			var items, answered []struct{ ID string }
			json.Unmarshal([]byte(s.a.last().member("input")), &items)
			json.Unmarshal([]byte(seen{body: a.body}.member("output")), &answered)
			return items[0].ID + " " + answered[0].ID
		}, without: "item_1 i", with: "fc_1 msg_de7d1b721a1e0632b7cf04edf5032c8ecffa9f9a"},
	{section: "providers[].preferences", key: "search_defaults", set: "{search_defaults: {topic: news, max_results: 3}}", file: file{a: "{base_url: $A/search, model: [search]}"},
		play: searchPlay("topic", (*stage).foretold), without: "200 absent", with: `200 "news"`},
	{section: "preferences", key: "capabilities", set: "{capabilities: [{model: m, efforts: [low, high], refuses: seed}]}", play: members(`"seed":7,"reasoning_effort":"medium"`, "seed", "reasoning_effort"),
		without: `7 "medium"`, with: `absent "high"`},

	removes("path", "{path: user}", "{path: seed}", `"user":"u","seed":7`, "absent 7", "\"u\" absent"),
	removes("where", "{path: stop, where: {role: probe}}", "{path: stop}", `"user":"u","stop":[{"role":"probe"},{"role":"x"}]`, `"u" [{"role":"x"}]`, `"u" absent`),
	removes("where_any", "{path: stop, where_any: [{role: probe}, {name: n}]}", "{path: stop, where: {role: probe}}",
		`"user":"u","stop":[{"role":"probe"},{"name":"n"},{"role":"x"}]`, `"u" [{"role":"x"}]`, `"u" [{"name":"n"},{"role":"x"}]`),
	removes("drop_empty", "{path: stop, where: {role: probe}, drop_empty: true}", "{path: stop, where: {role: probe}}", `"user":"u","stop":[{"role":"probe"}]`, `"u" absent`, `"u" []`),
}

// members sends a chat request with more members, and tells some of those that the provider gets.
func members(more string, names ...string) func(*stage) string {
	return func(s *stage) string {
		s.post(chat, `{"model":"m",`+more+`}`)
		told := ""
		for i, name := range names {
			if i > 0 {
				told += " "
			}
			told += s.a.last().member(name)
		}
		return told
	}
}

// removes is a mapping under __remove__; what is told are the members user, and seed or stop.
func removes(key, set, unset, more, with, without string) row {
	rule := func(text string) string { return "{post_body_parameter_overrides: {__remove__: [" + text + "]}}" }
	second := "stop"
	if key == "path" {
		second = "seed"
	}
	return row{section: "post_body_parameter_overrides", key: "__remove__[]." + key, set: rule(set), unset: rule(unset), play: members(more, "user", second), with: with, without: without}
}
