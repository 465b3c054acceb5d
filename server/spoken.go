package server

import (
	"uniapi/codec"
	members "uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// conversations are what a moderator, a limit on the length of prompts and rules for
// kinds of requests look at, in all formats. A provider gets the body as it came: of
// two contents in one message it might take the other one.
var conversations = func() *members.Known {
	block := members.NewKnown("type", "text")
	message := members.NewKnown("role", "type", "content", "parts").Inside("content", block).Inside("parts", block)
	return members.NewKnown("messages", "input", "contents").Inside("messages", message).Inside("input", message).Inside("contents", message)
}()

// unambiguous looks whether what was said can be understood in one way only, where
// more depends on it than what the provider answers.
func (in *inbound) unambiguous() *codec.Error {
	if !in.key.Preferences.Moderation && !in.key.limitsTokens && !in.route.AsksTokens && !in.route.AsksCompaction {
		return nil
	}
	for it := rawjson.MembersOf(in.body); it.Next(); {
		if _, err := conversations.Enter(conversations.Number(it.Name()), in.body, it.Value); err != nil {
			return err
		}
	}
	return nil
}
