package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// webSearchers are answers of providers that have searched the web twice, whole and streamed, in the formats that tell
// of it.
var webSearchers = []struct {
	name, path, whole, stream string
	searches, files, code     int64 // that are paid
}{
	{"responses", "/v1/responses", searchedResponse, strings.Join([]string{
		sseEvent("response.created", `{"type":"response.created","response":{"id":"r","object":"response","status":"in_progress","output":[]}}`),
		sseEvent("response.output_item.done", `{"type":"response.output_item.done","output_index":0,"item":`+searchItem+`}`),
		sseEvent("response.output_item.done", `{"type":"response.output_item.done","output_index":1,"item":`+searchItem+`}`),
		sseEvent("response.output_item.done", `{"type":"response.output_item.done","output_index":2,"item":`+fileSearchItem+`}`),
		sseEvent("response.output_item.done", `{"type":"response.output_item.done","output_index":3,"item":`+codeItem+`}`),
		sseEvent("response.output_text.delta", `{"type":"response.output_text.delta","item_id":"m","output_index":4,"content_index":0,"delta":"ok"}`),
		sseEvent("response.completed", `{"type":"response.completed","response":`+searchedResponse+`}`)}, ""), 2, 1, 1},
	{"gemini 3", "/v1beta", grounded("gemini-3-pro"), groundedStream("gemini-3-pro"), 2, 0, 0},
	{"gemini 2.5", "/v1beta", grounded("gemini-2.5-pro"), groundedStream("gemini-2.5-pro"), 1, 0, 0},
	{"anthropic", "/v1/messages", `{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":5,"server_tool_use":{"web_search_requests":2}}}`,
		sseEvent("message_start", `{"type":"message_start","message":{"id":"1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":5,"output_tokens":0}}}`) +
			sseEvent("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`) +
			sseEvent("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ok"}}`) +
			sseEvent("content_block_stop", `{"type":"content_block_stop","index":0}`) +
			sseEvent("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5,"server_tool_use":{"web_search_requests":2}}}`) +
			sseEvent("message_stop", `{"type":"message_stop"}`), 2, 0, 0},
}

const (
	searchItem       = `{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}`
	fileSearchItem   = `{"type":"file_search_call","id":"fs_1","status":"completed","queries":["q"],"results":null}`
	codeItem         = `{"type":"code_interpreter_call","id":"ci_1","status":"completed","code":"print(1)","container_id":"cntr_1","outputs":null}`
	searchedResponse = `{"id":"r","object":"response","created_at":1,"status":"completed","model":"m","output":[` + searchItem + `,` + searchItem + `,` + fileSearchItem + `,` + codeItem + `,{"type":"file_search_call","id":"fs_2","status":"failed","queries":["q"]},{"type":"web_search_call","id":"ws_3","status":"completed","action":{"type":"open_page","url":"u"}},{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[]}]}],"usage":{"input_tokens":5,"output_tokens":5,"total_tokens":10}}`
)

func grounded(model string) string {
	return `{"candidates":[{"content":{"role":"model","parts":[{"text":"ok"}]},"finishReason":"STOP","index":0,"groundingMetadata":{"webSearchQueries":["","a","b","a",""]}}],"modelVersion":"` + model + `","usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":5,"totalTokenCount":10}}`
}

func groundedStream(model string) string {
	return `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"o"}]},"index":0}],"modelVersion":"` + model + "\"}\r\n\r\ndata: " + grounded(model) + "\r\n\r\n"
}

// TestSearchesOfProvidersArePaid has each format's clients ask providers that have searched the web.
func TestSearchesOfProvidersArePaid(t *testing.T) {
	for _, f := range webSearchers {
		for _, a := range askers {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s by %s, streamed %v", f.name, a.name, stream), func(t *testing.T) {
					up := act(t, func(w http.ResponseWriter, _ *http.Request) {
						kind, answer := "application/json", f.whole
						if stream {
							kind, answer = "text/event-stream", f.stream
						}
						w.Header().Set("Content-Type", kind)
						fmt.Fprint(w, answer)
					})
					g := start(t, up.section(f.path, "m"), "preferences: {model_price: {m: {input: 0, output: 1, per_search: 0.25, per_file_search: 0.0625, per_code_call: 0.03125}}}\n")
					path, body := a.plain(stream)
					if status := g.do("POST", path, body, asClient...).StatusCode; status != 200 {
						t.Fatal(status)
					}
					g.settled(1)
					state, _ := g.books.State(clientKeyText)
					if want := f.searches*250_000_000 + f.files*62_500_000 + f.code*31_250_000; state.Spent/1e4*1e4 != want {
						t.Errorf("%d nano-dollars for %d searches", state.Spent, f.searches)
					}
				})
			}
		}
	}
}

// TestSearchesThatAreNotToldArePaidWithTheAnswer has models that search for each answer, by the list prices.
func TestSearchesThatAreNotToldArePaidWithTheAnswer(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"num_search_queries":2}`
	for _, test := range []struct {
		model string
		want  int64 // nano-dollars
	}{
		{"gpt-4o-search-preview", 1000*2_500 + 100*10_000 + 25_000_000},
		{"gpt-4o-mini-search-preview", 1000*150 + 100*600 + 25_000_000},
		{"sonar", 1000*1_000 + 100*1_000 + 5_000_000},
		{"sonar-deep-research", 1000*2_000 + 100*8_000 + 2*5_000_000},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %v", test.model, stream), func(t *testing.T) {
				up := act(t, func(w http.ResponseWriter, _ *http.Request) {
					if !stream {
						w.Header().Set("Content-Type", "application/json")
						fmt.Fprint(w, `{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],`+usage+`}`)
						return
					}
					w.Header().Set("Content-Type", "text/event-stream")
					fmt.Fprint(w, `data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}],`+usage+"}\n\ndata: [DONE]\n\n")
				})
				g := start(t, up.section("/v1/chat/completions", test.model), "")
				body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"hi"}]}`, test.model, stream)
				if status := g.do("POST", "/v1/chat/completions", body, asClient...).StatusCode; status != 200 {
					t.Fatal(status)
				}
				g.settled(1)
				if state, _ := g.books.State(clientKeyText); state.Spent != test.want {
					t.Errorf("%d nano-dollars, want %d", state.Spent, test.want)
				}
			})
		}
	}
}

// TestSearchesThatMayBeMadeAreHeld has many requests at once that may search, with credits for few of them. One more
// may go than there is room for.
func TestSearchesThatMayBeMadeAreHeld(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/v1/messages", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}]}`, 4},
		{"/v1/messages", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"web_search_20250305","name":"web_search"}]}`, 1},
		{"/v1/responses", `{"model":"m","max_output_tokens":5,"input":"hi","tools":[{"type":"web_search"}],"max_tool_calls":4}`, 3},
		{"/v1/responses", `{"model":"m","max_output_tokens":5,"input":"hi","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}],"max_tool_calls":4}`, 3},
		{"/v1/responses", `{"model":"m","max_output_tokens":5,"input":"hi","tools":[{"type":"code_interpreter","container":{"type":"auto"}}],"max_tool_calls":4}`, 3},
		{"/v1/messages", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`, 12},
	} {
		t.Run(c.body, func(t *testing.T) {
			come, release := make(chan struct{}, 12), make(chan struct{})
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				come <- struct{}{}
				<-release
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, searchedResponse)
			})
			g := start(t, up.section("/v1/responses", "m"), "preferences: {model_price: {m: {input: 0, output: 0, per_search: 0.1, per_file_search: 0.1, per_code_call: 0.1}}}\n", paidKeys("1", ""))
			statuses := make(chan int, 12)
			var all sync.WaitGroup
			for range 12 {
				all.Go(func() { statuses <- g.do("POST", c.path, c.body, asClient...).StatusCode })
			}
			for range c.want {
				<-come
			}
			for range 12 - c.want { // are refused while the others are under way
				if status := <-statuses; status != 429 {
					t.Errorf("status %d", status)
				}
			}
			close(release)
			all.Wait()
			if len(come) > 0 {
				t.Errorf("%d more were let in", len(come))
			}
		})
	}
}
