package front

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
)

// UsualSearches is how often a provider searches for an answer at most where the request does not bound it: no provider
// says so.
const UsualSearches = 10

// Tools are how often a provider may do what it asks money for beside tokens.
type Tools struct {
	Web, Files, Code int64 // searches of the web and of the client's files, and programs
	Maps             int64 // 1 if maps may be asked
}

// ToolsAtMost is how often the provider may do so for the answer to a conversation that asks for it.
func ToolsAtMost(body []byte, bounds *codec.Bounds) (most Tools) {
	if bounds == nil {
		return most
	}
	top, err := rawjson.One(body)
	if err != nil {
		return most
	}
	s := &bounds.Searches
	if has(body, top, s.Members) {
		most.Web = UsualSearches
	}
	for it := top.Get(body, "tools").Elements(body); it.Next(); {
		kind, _ := rawjson.Text(body, it.Value.Get(body, "type"))
		n := &most.Web
		switch {
		case beginsWith(kind, s.Files):
			n = &most.Files
		case beginsWith(kind, s.Code):
			n = &most.Code
		case has(body, it.Value, s.Maps): // it may be paid by the search, too
			most.Maps = 1
		case !beginsWith(kind, s.Web) && !has(body, it.Value, s.Named):
			continue
		}
		uses := int64(UsualSearches)
		if said, is := count(body, it.Value, s.Uses); is {
			uses = said
		}
		*n = saturate.Add(*n, uses)
	}
	if said, is := count(body, top, s.Calls); is { // of all tools together
		for _, n := range [...]*int64{&most.Web, &most.Files, &most.Code} {
			if *n > 0 {
				*n = said
			}
		}
	}
	return most
}

// What a question to rank documents is billed by: Cohere's search unit is "one query with up to 100 documents to be
// ranked" (https://cohere.com/pricing), and documents of more than 510 tokens are cut into several
// (https://docs.cohere.com/docs/models). Others bill no more often.
const (
	documentsOfSearch = 100
	documentTokens    = 510
)

// RankingsAtMost is how many searches a question to rank documents may be billed as, of which all are so many tokens.
func RankingsAtMost(body []byte, tokens int64) int64 {
	documents := int64(0)
	if top, err := rawjson.One(body); err == nil {
		for it := top.Get(body, "documents").Elements(body); it.Next(); {
			documents++
		}
	}
	return max(1, (documents+tokens/documentTokens+documentsOfSearch-1)/documentsOfSearch)
}

// Kinds of searches that have prices of their own.
const previewOfSearches = "preview"

var sizesOfSearches = []string{"low", "medium", "high"}

// SearchKind is what a conversation that has the provider search says of how: the size of the context that is searched
// for, or preview, for the older of two tools. "" is none of these.
func SearchKind(body []byte, bounds *codec.Bounds) string {
	if bounds == nil {
		return ""
	}
	s := &bounds.Searches
	top, err := rawjson.One(body)
	if err != nil {
		return ""
	}
	for _, member := range s.Members {
		size, _ := rawjson.Text(body, top.Get(body, member).Get(body, s.Size))
		if i := slices.Index(sizesOfSearches, size); s.Size != "" && i >= 0 {
			return sizesOfSearches[i]
		}
	}
	if len(s.Preview) == 0 {
		return ""
	}
	for it := top.Get(body, "tools").Elements(body); it.Next(); {
		if kind, _ := rawjson.Text(body, it.Value.Get(body, "type")); beginsWith(kind, s.Preview) {
			return previewOfSearches
		}
	}
	return ""
}

// count is a member that says how often something may be done; false if there is none of that name.
func count(body []byte, object rawjson.Value, name string) (int64, bool) {
	if name == "" {
		return 0, false
	}
	n, is := rawjson.Int(body, object.Get(body, name))
	return n, is && n > 0
}

// has says whether an object has one of the members, as an object.
func has(body []byte, object rawjson.Value, names []string) bool {
	if len(names) == 0 {
		return false
	}
	for it := object.Members(body); it.Next(); {
		if it.Value.Kind == rawjson.Object && slices.Contains(names, it.Name()) {
			return true
		}
	}
	return false
}

func beginsWith(kind string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(kind, word) })
}
