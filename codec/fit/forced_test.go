package fit

import (
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
)

func TestToolOfAProvidersOwnThatIsDemandedIsCalledOrRefused(t *testing.T) {
	hosted := func(name string) codec.Tool { return codec.Tool{Kind: codec.ToolHosted, Name: name} }
	function := codec.Tool{Name: "f"}
	named := func(name string) codec.ToolChoice { return codec.ToolChoice{Mode: codec.ToolNamed, Name: name} }
	own := func(name string) codec.ToolChoice {
		return codec.ToolChoice{Mode: codec.ToolNamed, Name: name, Hosted: true}
	}
	required := codec.ToolChoice{Mode: codec.ToolRequired}
	for _, c := range []struct {
		name, from, format, model string
		tools                     []codec.Tool
		choice                    codec.ToolChoice
		offered                   string // "" where the request is refused
		mode                      codec.ToolMode
	}{
		{"a search at OpenAI", "anthropic", capability.Responses, "gpt-5", []codec.Tool{hosted("web_search_20250305"), function}, named("web_search"), "web_search_20250305 f", codec.ToolNamed},
		{"at Claude", "responses", capability.Messages, "claude-sonnet-4-5", []codec.Tool{hosted("web_search_preview"), function}, own("web_search_preview"), "web_search_preview f", codec.ToolNamed},
		{"at a Claude that cannot be forced", "responses", capability.Messages, "claude-opus-5-5", []codec.Tool{hosted("web_search"), function}, own("web_search"), "web_search", codec.ToolNamed},
		{"at Gemini, which cannot either", "anthropic", capability.Gemini, "gemini-3-pro", []codec.Tool{hosted("web_search_20250305"), function, hosted("code_execution_20250825")}, named("web_search"), "web_search_20250305", codec.ToolDefault},
		{"where functions would take its place", "anthropic", capability.Gemini, "gemini-2.5-pro", []codec.Tool{function, hosted("code_execution_20250825")}, named("code_execution"), "code_execution_20250825", codec.ToolDefault},
		{"at chat, which has none", "anthropic", capability.Chat, "gpt-5", []codec.Tool{hosted("web_search_20250305"), function}, named("web_search"), "", 0},
		{"at Cohere", "responses", capability.Cohere, "command-a", []codec.Tool{hosted("web_search")}, own("web_search"), "", 0},
		{"at Converse", "responses", capability.Converse, "nova", []codec.Tool{hosted("web_search")}, own("web_search"), "", 0},
		{"files of OpenAI's at Claude", "responses", capability.Messages, "claude-sonnet-4-5", []codec.Tool{hosted("file_search"), function}, own("file_search"), "", 0},
		{"and at Gemini", "responses", capability.Gemini, "gemini-3-pro", []codec.Tool{hosted("file_search"), function}, own("file_search"), "", 0},
		{"any, where there is no other", "responses", capability.Chat, "gpt-5", []codec.Tool{hosted("web_search"), hosted("file_search")}, required, "", 0},
		{"any, of which one is known", "responses", capability.Messages, "claude-sonnet-4-5", []codec.Tool{hosted("file_search"), hosted("web_search")}, required, "file_search web_search", codec.ToolRequired},
		{"any, where the client has one", "responses", capability.Chat, "gpt-5", []codec.Tool{hosted("web_search"), function}, required, "web_search f", codec.ToolRequired},
		{"none that is demanded", "responses", capability.Chat, "gpt-5", []codec.Tool{hosted("web_search"), function}, codec.ToolChoice{}, "web_search f", codec.ToolDefault},
		{"one of the client's", "responses", capability.Chat, "gpt-5", []codec.Tool{hosted("web_search"), function}, named("f"), "web_search f", codec.ToolNamed},
		{"one that is not there", "responses", capability.Chat, "gpt-5", []codec.Tool{function}, named("missing_search"), "", 0},
		{"a tool that is there twice", "anthropic", capability.Chat, "gpt-5", []codec.Tool{function, {Name: "g"}, function, hosted("web_search"), hosted("web_search")}, named("f"), "f g web_search web_search", codec.ToolNamed},
		{"its own format's", "responses", capability.Responses, "gpt-5", []codec.Tool{hosted("file_search")}, own("file_search"), "file_search", codec.ToolNamed},
	} {
		q, target := &codec.Request{Format: c.from, Tools: c.tools, ToolChoice: c.choice}, at("x", c.format, c.model)
		if refused := Check(q, target); refused != nil || c.offered == "" {
			if c.offered != "" || refused == nil || refused.Status != 400 || refused.Param != "tool_choice" || !strings.Contains(refused.Message, "_search") {
				t.Errorf("%s: %v", c.name, refused)
			}
			continue
		}
		fit, _ := Request(q, target)
		var offered []string
		for _, tool := range fit.Tools {
			offered = append(offered, tool.Name)
		}
		if strings.Join(offered, " ") != c.offered || fit.ToolChoice.Mode != c.mode {
			t.Errorf("%s: %q, %+v", c.name, offered, fit.ToolChoice)
		}
	}
}
