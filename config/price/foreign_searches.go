package price

import (
	"encoding/json"
	"strings"
)

// searchOfOpenAI is what OpenAI asks for a search of the web by its tool web_search, "all models"
// (https://developers.openai.com/api/docs/pricing, "Built-in tools"). litellm leaves it out at some of them.
const searchOfOpenAI = "0.01"

// previewOfOpenAI is what it asks for one by its older tool, web_search_preview, of models that do not reason, by that
// page; others pay as for web_search. litellm has it at some of them, as if it were for both.
const previewOfOpenAI = "0.025"

// toolsOfXAI are what xAI asks for a call of its tools: of web_search and x_search, of file_search, of
// code_interpreter, and of attachment_search, which reads files that came with the request
// (https://docs.x.ai/developers/pricing, "Tool Invocation Costs"). In usages the last is document_search, as that page
// of files called it before (https://docs.x.ai/docs/guides/files: "the system automatically activates the
// document_search tool"). litellm has none of them.
var toolsOfXAI = [...]struct{ name, dollars string }{{"per_search", "0.005"}, {"per_file_search", "0.0025"}, {"per_code_call", "0.005"}, {"per_document_search", "0.01"}}

// mapsOfGoogle is what Google asks for an answer that its Maps were asked for, before Gemini 3, which pays by the
// search: "$25 / 1,000 grounded prompts" (https://ai.google.dev/gemini-api/docs/pricing). litellm has it nowhere.
const mapsOfGoogle = "0.025"

// searchOfFiles is what it asks for one of its tool file_search, by that page. litellm has it in its code, and at no
// model.
const searchOfFiles = "0.0025"

// appendSearches adds what searches of the web cost by litellm's entry. Where each answer is searched for and none
// tells how often, that is a price of the request:
//   - OpenAI's models that search in chat completions: "the model always retrieves information from the web before
//     responding" (https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat).
//   - Perplexity's Sonar: a "request fee" by the size of the context that is searched for, low if the request does not
//     say, dearer where it does (https://docs.perplexity.ai/guides/pricing,
//     https://docs.perplexity.ai/guides/search-context-size-guide). Its deep research is paid by the search.
func appendSearches(words []string, ours, model string, row map[string]json.RawMessage) []string {
	if row["input_cost_per_query"] != nil { // is there already
		return words
	}
	mode := string(row["mode"])
	talks := row["input_cost_per_token"] != nil && (mode == `"chat"` || mode == `"responses"`)
	if ours == "xai" && talks {
		for _, tool := range toolsOfXAI {
			words = appendWord(words, "", tool.name, json.RawMessage(tool.dollars), 0)
		}
		return words
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
	if ours == "gemini" && strings.HasPrefix(model, "gemini-2") && talks && searches != nil {
		words = appendWord(words, "", "per_map", json.RawMessage(mapsOfGoogle), 0)
	}
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
