package responses

import (
	"regexp"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

func TestSearchForToolsComesAsWhatTheClientRuns(t *testing.T) {
	const (
		byClient = `{"type":"tool_search","execution":"client","parameters":{"type":"object"}}`
		function = `{"type":"function","name":"tool_search"}`
		search   = `{"id":"tsc_1_0","type":"tool_search_call","status":"completed","call_id":"c1","execution":"client","arguments":`
		call     = `{"id":"fc_1_0","type":"function_call","status":"completed","call_id":"c1","name":"tool_search","arguments":"{\"query\":\"mail\"}"}`
	)
	for _, c := range []struct{ name, tool, arguments, finish, want string }{
		{"a search that the client runs", byClient, `{\"query\":\"mail\"}`, "tool_calls", search + `{"query":"mail"}}`},
		{"one without arguments", byClient, ``, "tool_calls", search + `{}}`},
		{"one that was cut off", byClient, `{\"query\":\"ma`, "length", strings.Replace(search, "completed", "incomplete", 1) + `{}}`},
		{"a function that was cut off", function, `{\"query\":\"ma`, "length", strings.Replace(strings.Replace(call, "completed", "incomplete", 1), `il\"}`, "", 1)},
		{"a function of that name", function, `{\"query\":\"mail\"}`, "tool_calls", call},
	} {
		q, err := Format{}.DecodeRequest([]byte(`{"model":"m","input":"q","tools":[` + c.tool + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		answer := `"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"tool_search","arguments":"` + c.arguments + `"}}]}`
		a, err := openai.Format{}.DecodeResponse([]byte(`{"id":"chatcmpl-1","choices":[{"index":0,"finish_reason":"` + c.finish + `","message":{"content":null,` + answer + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if whole := string(Format{}.EncodeResponse(nil, a, q)); !strings.Contains(whole, `"output":[`+c.want+`]`) {
			t.Errorf("%s is %s", c.name, whole)
		}
		stream := streamed(t, q, `data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{`+answer+`}]}`+"\n\n"+
			`data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"`+c.finish+`"}]}`+"\n\ndata: [DONE]\n\n")
		done := regexp.MustCompile(`"type":"response.output_item.done","sequence_number":\d+,"output_index":0,"item":(.*)}\n`).FindStringSubmatch(stream)
		if done == nil || done[1] != c.want || strings.Contains(stream, "arguments.delta") != (c.tool == function) {
			t.Errorf("%s is streamed as %s", c.name, stream)
		}
	}
}

// streamed is what a client that asked so gets of a chat stream.
func streamed(t *testing.T, q *codec.Request, stream string) string {
	d, e := openai.Format{}.NewStreamDecoder(), Format{}.NewStreamEncoder(q)
	var out []byte
	for _, read := range []func() ([]codec.Event, error){
		func() ([]codec.Event, error) { return d.Push(nil, []byte(stream)) },
		func() ([]codec.Event, error) { return d.End(nil) },
	} {
		list, err := read()
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			out = e.Append(out, &list[i])
		}
	}
	return string(e.End(out))
}
