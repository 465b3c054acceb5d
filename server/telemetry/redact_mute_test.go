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

func FuzzMute(f *testing.F) {
	f.Add(`{"detail":"longer than a piece","tools":[{"name":"x\\"}],"choices":[{"delta":{"content":"y"}}]}`)
	f.Fuzz(func(t *testing.T, data string) {
		event := []byte("data: " + data + "\n\n")
		muted := Mute(event)
		if after := string(event); !muted && after != "data: "+data+"\n\n" {
			t.Fatalf("%q", after)
		}
		if muted && json.Valid([]byte(data)) && !json.Valid(event[len("data: "):]) {
			t.Fatalf("%q is no JSON any more: %q", data, event)
		}
	})
}
