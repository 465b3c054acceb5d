package price

import (
	"encoding/json"
	"strings"
)

// searchOfOpenAI is what OpenAI asks for a search of the web by its tool web_search, "all models" (https://developers.openai.com/api/docs/pricing, "Built-in tools").
// litellm leaves it out at some of them.
const searchOfOpenAI = "0.01"

// previewOfOpenAI is what it asks for one by its older tool, web_search_preview, of models that do not reason, by that page; others pay as for web_search. litellm
// has it at some of them, as if it were for both.
const previewOfOpenAI = "0.025"

// searchOfXAI, searchOfItsFiles and codeOfXAI are what xAI asks for a call of its tools web_search and x_search, of file_search, and of code_interpreter
// (https://docs.x.ai/developers/pricing, "Tool Invocation Costs"). litellm has none of them.
const (
	searchOfXAI      = "0.005"
	searchOfItsFiles = "0.0025"
	codeOfXAI        = "0.005"
)

// searchOfFiles is what it asks for one of its tool file_search, by that page. litellm has it in its code, and at no model.
const searchOfFiles = "0.0025"

// appendSearches adds what searches of the web cost by litellm's entry. Where each answer is searched for and none tells how often, that is a price of
// the request:
//   - OpenAI's models that search in chat completions: "the model always retrieves information from the web before responding"
//     (https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat).
//   - Perplexity's Sonar: a "request fee" by the size of the context that is searched for, low if the request does not say, dearer where it does
//     (https://docs.perplexity.ai/guides/pricing, https://docs.perplexity.ai/guides/search-context-size-guide). Its deep research is paid by the search.
func appendSearches(words []string, ours, model string, row map[string]json.RawMessage) []string {
	if row["input_cost_per_query"] != nil { // is there already
		return words
	}
	mode := string(row["mode"])
	talks := row["input_cost_per_token"] != nil && (mode == `"chat"` || mode == `"responses"`)
	if ours == "xai" && talks {
		words = appendWord(appendWord(words, "", "per_search", json.RawMessage(searchOfXAI), 0), "", "per_file_search", json.RawMessage(searchOfItsFiles), 0)
		return appendWord(words, "", "per_code_call", json.RawMessage(codeOfXAI), 0)
	}
	name, size := "per_search", "search_context_size_medium"
	switch {
	case ours == "openai" && (strings.Contains(model, "-search-preview") || strings.Contains(model, "-search-api")):
		name = "per_request"
	case ours == "perplexity" && strings.HasPrefix(model, "sonar"):
		size = "search_context_size_low"
		if !strings.HasPrefix(model, "sonar-deep-research") {
			name = "per_request"
		}
	}
	searches := membersOf(row["search_context_cost_per_query"])
	switch {
	case ours == "openai" && talks && name == "per_search": // those of chat completions alone have no such tools
		words = appendWord(words, "", "per_file_search", json.RawMessage(searchOfFiles), 0)
		if string(row["supports_reasoning"]) != "true" {
			words = appendWord(words, "", name+"/preview", json.RawMessage(previewOfOpenAI), 0)
			name += "/default"
		}
		return appendWord(words, "", name, json.RawMessage(searchOfOpenAI), 0)
	case ours == "openai" && talks && searches == nil:
		return appendWord(words, "", name, json.RawMessage(searchOfOpenAI), 0)
	case ours == "perplexity" && name == "per_request":
		for kind, of := range map[string]json.RawMessage{"default": searches[size], "medium": searches["search_context_size_medium"], "high": searches["search_context_size_high"]} {
			if of != nil {
				words = appendWord(words, "", name+"/"+kind, of, 0)
			}
		}
		return words
	}
	return appendWord(words, "", name, searches[size], 0)
}
