package telemetry

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMuteLeavesNamesAndWordsOfTheModel(t *testing.T) {
	const long = "longer than a piece"
	for _, test := range []struct{ name, event, want string }{
		{"a text", `{"detail":"` + long + `"}`, `{"detail":"` + strings.Repeat("*", len(long)) + `"}`},
		{"a short text", `{"detail":"short"}`, `{"detail":"short"}`},
		{"a name", `{"id":"` + long + `"}`, `{"id":"` + long + `"}`},
		{"a long name", `{"id":"` + strings.Repeat("x", 200) + `"}`, `{"id":"` + strings.Repeat("*", 200) + `"}`},
		{"what the model says", `{"choices":[{"delta":{"content":"` + long + `"}}]}`, `{"choices":[{"delta":{"content":"` + long + `"}}]}`},
		{"names of the request", `{"tools":[{"name":"` + long + `"}],"name":"` + long + `"}`, `{"tools":[{"name":"` + strings.Repeat("*", len(long)) + `"}],"name":"` + long + `"}`},
		{"no tools", `{"tools":null,"name":"` + long + `"}`, `{"tools":null,"name":"` + long + `"}`},
		{"escapes", `{"d":"a \" and a \\","id":"` + long + `"}`, `{"d":"*************","id":"` + long + `"}`},
	} {
		event := []byte("event: x\ndata: " + test.event + "\n\n")
		if Mute(event); string(event) != "event: x\ndata: "+test.want+"\n\n" {
			t.Errorf("%s: %s", test.name, event)
		}
	}
}

func TestMuteOfEventsThatAreNoObjectInOneLine(t *testing.T) {
	const long = "longer than a piece"
	stars := strings.Repeat("*", len(long))
	for _, test := range []struct{ name, event, want string }{
		{"several lines", "data: {\"id\":\"" + long + "\",\ndata: \"d\":\"" + long + "\"}\n\n", "data: {\"id\":\"" + long + "\",\ndata: \"d\":\"" + stars + "\"}\n\n"},
		{"several lines with the model's words", "data: {\"d\":\"" + long + "\",\r\ndata:\"delta\":{\"text\":\"" + long + "\"}}\r\n\r\n", "data: {\"d\":\"" + stars + "\",\r\ndata:\"delta\":{\"text\":\"" + long + "\"}}\r\n\r\n"},
		{"no object", "id: 1\ndata: " + long + "\n\n", "id: 1\ndata: " + stars + "\n\n"},
		{"an end", ": comment\ndata: [DONE]\n\n", ": comment\ndata: [DONE]\n\n"},
		{"half an object", "data: {\"d\":\"x", "data: {\"d\":\"x"},
		{"a text by itself", long, stars},
	} {
		event := []byte(test.event)
		if changed := Mute(event); string(event) != test.want || changed != (test.event != test.want) {
			t.Errorf("%s: %v %q", test.name, changed, event)
		}
	}
}

func FuzzMute(f *testing.F) {
	f.Add(`{"detail":"longer than a piece","tools":[{"name":"x\\"}],"choices":[{"delta":{"content":"y"}}]}`)
	f.Fuzz(func(t *testing.T, data string) {
		event := []byte("data: " + data + "\n\n")
		muted := Mute(event)
		if after := string(event); !muted && after != "data: "+data+"\n\n" {
			t.Fatalf("%q", after)
		}
		if muted && strings.HasPrefix(data, "{") && json.Valid([]byte(data)) && !json.Valid(event[len("data: "):]) {
			t.Fatalf("%q is no JSON any more: %q", data, event)
		}
	})
}
