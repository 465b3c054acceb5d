package responses

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// searches are those that the provider has made for an answer and may ask money for: of the web, and of the client's
// files; and the programs that it ran.
type searches struct{ web, files, code int64 }

// searchesIn counts those among the items of an output.
func searchesIn(data []byte, output rawjson.Value) (s searches) {
	for it := output.Elements(data); it.Next(); {
		s.count(data, it.Value)
	}
	return s
}

// count adds an item, if it is one. Of those of the web OpenAI asks money for the ones whose action is search, and none
// for the pages that are opened and looked through after them
// (https://developers.openai.com/api/docs/guides/tools-web-search, "Output and citations": "Search actions incur a tool
// call cost"); of those of files for each call (https://developers.openai.com/api/docs/pricing: "File search tool call
// (Responses API only)"). xAI asks it for each program too (https://docs.x.ai/developers/pricing, "Code Execution"),
// OpenAI by the minute of the container.
func (s *searches) count(data []byte, item rawjson.Value) {
	if item.Kind != rawjson.Object {
		return
	}
	kind, _ := rawjson.Text(data, item.Get(data, "type"))
	if kind != "web_search_call" && kind != "file_search_call" && kind != "code_interpreter_call" {
		return
	}
	if status, _ := rawjson.Text(data, item.Get(data, "status")); status == "failed" {
		return
	}
	if kind == "file_search_call" {
		s.files++
	} else if kind == "code_interpreter_call" {
		s.code++
	} else if action, _ := rawjson.Text(data, item.Get(data, "action").Get(data, "type")); action == "" || action == "search" {
		s.web++
	}
}

// atLeast takes another count of the same answer.
func (s *searches) atLeast(o searches) {
	s.web, s.files, s.code = max(s.web, o.web), max(s.files, o.files), max(s.code, o.code)
}

// tell writes them into a usage that does not say itself how many there were.
func (s searches) tell(u *codec.Usage) {
	if u.Searches|u.FileSearches|u.CodeCalls == 0 {
		u.Searches, u.FileSearches, u.CodeCalls = s.web, s.files, s.code
	}
}
