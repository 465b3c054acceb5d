package e2e

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// scheduleRows are the orders of channels and of keys.
var scheduleRows = []row{
	schedule("fixed_priority", "round_robin", inTurn, "a b a b a b a b", "a a a a a a a a"),
	schedule("round_robin", "fixed_priority", inTurn, "a a a a a a a a", "a b a b a b a b"),
	schedule("weighted_round_robin", "fixed_priority", inTurn, "a a a a a a a a", "a b a a a b a a"),
	schedule("smart_round_robin", "fixed_priority", inTurn, "a a a a a a a a", "a b a a a b a a"),
	schedule("lottery", "fixed_priority", drawn, "a", "a b"),
	schedule("random", "fixed_priority", drawn, "a", "a b"),
	schedule("least_latency", "round_robin", slowOne, "4 of 8", "1 of 8"),
	schedule("least_busy", "round_robin", busyOne, "a b a b a", "a b b b b"),
	{section: "api_keys[].preferences", key: "SCHEDULING_ALGORITHM", word: "cheapest", set: "{SCHEDULING_ALGORITHM: cheapest}", unset: "{SCHEDULING_ALGORITHM: fixed_priority}",
		file: file{aPreferences: `{model_price: {m: "3,15"}}`, bPreferences: `{model_price: {m: "3,14"}}`}, play: inTurn, without: "a a a a a a a a", with: "b b b b b b b b"},
	{section: "api_keys[]", key: "weights", set: "{weights: {a/*: 3, b/*: 1}}", file: file{key: "{model: [a/*, b/*]}", keyPreferences: "{SCHEDULING_ALGORITHM: weighted_round_robin}"},
		play: inTurn, without: "a b a b a b a b", with: "a b a a a b a a"},

	keySchedule("round_robin", "fixed_priority", keysInTurn, "1 1 1 1", "1 2 1 2"),
	keySchedule("random", "fixed_priority", keysDrawn, "1", "1 2"),
	keySchedule("fixed_priority", "round_robin", keysInTurn, "1 2 1 2", "1 1 1 1"),
	keySchedule("smart_round_robin", "round_robin", bestKey, "1 2 1 2", "1 2 2 1"),
	keySchedule("least_busy", "round_robin", busyKey, "1 2 1 2 1", "1 2 2 2 2"),

	affinity("preferences", "1 2 1 2 1 2 1 2", "one of them"),
	affinity("providers[].preferences", "1 2 1 2 1 2 1 2", "one of them"),
	affinity("api_keys[].preferences", "1 2 1 2 1 2 1 2", "one of them"),
}

// affinity is a conversation of eight turns at a provider with two keys.
func affinity(section, without, with string) row {
	return row{section: section, key: "affinity", set: "{affinity: true}", file: twoKeys, play: func(s *stage) string {
		s.chats(8)
		if keys := numbers(s.a.keys()); strings.Contains(keys, "1") && strings.Contains(keys, "2") {
			return keys
		}
		return "one of them" // which one is a matter of hashing
	}, without: without, with: with}
}

// schedule is a SCHEDULING_ALGORITHM for two channels, the first with three times the weight.
func schedule(word, other string, play func(*stage) string, without, with string) row {
	set := func(word string) string { return "{SCHEDULING_ALGORITHM: " + word + "}" }
	return row{section: "api_keys[].preferences", key: "SCHEDULING_ALGORITHM", word: word, set: set(word), unset: set(other),
		file: file{key: "{model: [a/*: 3, b/*: 1]}"}, play: play, without: without, with: with}
}

func inTurn(s *stage) string { s.chats(8); return s.asked() }

// drawn are the providers that were asked at all: that one of them is never drawn happens once in a hundred thousand
// million times.
func drawn(s *stage) string {
	s.drawn = true
	s.chats(100)
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(s.order.all()))), " ")
}

// slowOne has the first provider take its time, and tells how many requests it got.
func slowOne(s *stage) string {
	s.drawn = true // the first of two of which nothing is known
	s.a.answer = func(w http.ResponseWriter, r seen) {
		time.Sleep(brief / 4)
		usual(w, r)
	}
	s.chats(8)
	return fmt.Sprintf("%d of 8", len(s.a.requests()))
}

// busyOne has the first provider send a stream that does not end while others come.
func busyOne(s *stage) string {
	s.busy()
	return s.asked()
}

func busyKey(s *stage) string {
	s.busy()
	return numbers(s.a.keys())
}

func (s *stage) busy() {
	over := make(chan bool)
	defer close(over)
	s.a.answer = held(over)
	defer s.begin("POST", chat, said(`"stream":true`)).Body.Close()
	s.chats(4)
}

// held answers as usual, but begins streams only, which go on until over.
func held(over <-chan bool) func(http.ResponseWriter, seen) {
	return func(w http.ResponseWriter, r seen) {
		if !r.streams() {
			usual(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, firstEvent)
		w.(http.Flusher).Flush()
		<-over
	}
}

// keySchedule is an api_key_schedule_algorithm for two keys.
func keySchedule(word, other string, play func(*stage) string, without, with string) row {
	set := func(word string) string { return "{api_key_schedule_algorithm: " + word + "}" }
	return row{section: "providers[].preferences", key: "api_key_schedule_algorithm", word: word, set: set(word), unset: set(other),
		file: twoKeys, play: play, without: without, with: with}
}

// twoKeys is a provider with two keys. That they fail has no consequences but those that a row sets.
var twoKeys = file{a: "{api: [sk-1, sk-2]}", aPreferences: "{cooldown_period: 0}", keyPreferences: "{AUTO_RETRY: false}"}

func keysInTurn(s *stage) string { s.chats(4); return numbers(s.a.keys()) }

func keysDrawn(s *stage) string {
	s.chats(40)
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(strings.Fields(numbers(s.a.keys()))))), " ")
}

// bestKey has the first key fail.
func bestKey(s *stage) string {
	s.a.answer = fails(500, "out of order")
	s.chat()
	s.a.answer = usual
	s.chats(3)
	return numbers(s.a.keys())
}

func numbers(keys string) string { return strings.ReplaceAll(cmp.Or(keys, "none"), "sk-", "") }
