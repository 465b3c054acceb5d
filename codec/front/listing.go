package front

// Recognizer is a format whose clients can be told by what they send beside a body, whatever they ask for.
type Recognizer interface{ Recognizes(asked Asked) bool }

// Lister is a format in which clients are told what models there are.
type Lister interface {
	// List is the list of those, and Listed what is told of one: what encoding/json makes JSON of.
	List(ids []string) any
	Listed(id string) any
}

// ListedAt is when models are said to have been made, where a list tells that, in Unix seconds: a fixed moment, as it
// is for uni-api. Nobody knows the real one.
const ListedAt = 1720524448

// ListedAll are the entries of a list.
func ListedAll(l Lister, ids []string) []any {
	entries := make([]any, len(ids))
	for i, id := range ids {
		entries[i] = l.Listed(id)
	}
	return entries
}
