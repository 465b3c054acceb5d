package search

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"uniapi/codec"
)

func TestRequestsAreReadInBothWords(t *testing.T) {
	five := int64(5)
	for body, want := range map[string]Request{
		`{"q":" valves \u00e9 "}`:                              {Query: "valves é"},
		`{"query":"valves","model":"web","max_results":5}`:     {Model: "web", Query: "valves", Results: &five},
		`{"q":"valves","max_results":null,"search_depth":"x"}`: {Query: "valves"},
	} {
		got, err := DecodeRequest([]byte(body))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestRequestsWithoutAQuestionSayWhatToSend(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "'q' is missing", `{"q":" "}`: "'q' is missing", `{"q":1}`: "'q' must be a string", `{"q":"a","max_results":0}`: "must be from 1 to 100",
		`{"q":"a","max_results":101}`: "must be from 1 to 100", `{"q":"a","max_results":"5"}`: "must be a number", `[`: "not a valid JSON object",
		`{"q":"a","q":"b"}`: "more than once", `{"q":"a","query":"b"}`: "twice", `{"q":"a","Q":"b"}`: "'Q'", `{"q":"a","model":"m","Model":"n"}`: "'Model'", `{"q":"a","model":"m","\u006dodel":"n"}`: "more than once",
		`{"q":"a","max_results":1,"max_results":100}`: "more than once",
	} {
		_, err := DecodeRequest([]byte(body))
		if e, is := errors.AsType[*codec.Error](err); !is || e.Status != 400 || !strings.Contains(e.Message, want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

func TestServicesGetTheirOwnWords(t *testing.T) {
	five := int64(5)
	for _, c := range []struct {
		service  Service
		results  *int64
		defaults string
		want     string
	}{
		{Tavily, nil, ``, `{"query":"a\"b"}`},
		{Tavily, &five, ``, `{"query":"a\"b","max_results":5}`},
		{Tavily, nil, `{"topic":"news","search_depth":"advanced","chunks_per_source":2,"max_results":3}`, `{"query":"a\"b","topic":"news","search_depth":"advanced","chunks_per_source":2,"max_results":3}`},
		{Tavily, &five, `{"max_results":3,"query":"mine"}`, `{"query":"a\"b","max_results":5}`},
		{Jina, nil, ``, `{"q":"a\"b"}`},
		{Jina, &five, `{"gl":"DE","num":3}`, `{"q":"a\"b","num":5,"gl":"DE"}`},
		{Jina, nil, `{"hl":"de","max_results":3,"q":"mine"}`, `{"q":"a\"b","hl":"de","num":3}`},
	} {
		if got := c.service.EncodeRequest(nil, &Request{Query: `a"b`, Results: c.results}, []byte(c.defaults)); string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.service, got, c.want)
		}
	}
}

func TestAnswersOfBothServicesComeInOneForm(t *testing.T) {
	for name, c := range map[string]struct {
		service      Service
		answer, want string
		prompt       int64
		searches     int64
		gaps         codec.Gaps
	}{
		"Jina's": {Jina, `{"code":200,"status":20000,"data":[{"title":"t","url":"u","description":"d","content":"c","usage":{"tokens":7}}],"meta":{"usage":{"tokens":9}}}`,
			`{"code":200,"status":20000,"data":[{"title":"t","url":"u","description":"d","content":"c","usage":{"tokens":7}}],"meta":{"provider":"jina","usage":{"tokens":9}}}`, 9, 1, 0},
		"Jina's, counted by result": {Jina, `{"code":200,"status":20000,"data":[{"usage":{"tokens":7}},{"usage":{"tokens":4}}]}`,
			`{"code":200,"status":20000,"data":[{"usage":{"tokens":7}},{"usage":{"tokens":4}}],"meta":{"provider":"jina"}}`, 11, 1, 0},
		"Tavily's": {Tavily, `{"query":"q","answer":null,"images":[],"results":[{"title":"t","url":"u","content":"c","score":0.9,"raw_content":null}],"response_time":0.5,"request_id":"r"}`,
			`{"code":200,"status":20000,"data":[{"title":"t","url":"u","content":"c","score":0.9,"raw_content":null,"description":""}],"meta":{"provider":"tavily","query":"q","answer":null,"images":[],"response_time":0.5,"request_id":"r"}}`,
			0, 1, codec.NoPrompt | codec.OtherUnit},
		"Tavily's with its credits": {Tavily, `{"results":[],"usage":{"credits":2}}`, `{"code":200,"status":20000,"data":[],"meta":{"provider":"tavily","usage":{"credits":2}}}`, 0, 2, codec.NoPrompt | codec.OtherUnit},
		"a count that is none":      {Jina, `{"data":[],"meta":{"usage":{"tokens":"many"}}}`, `{"code":200,"status":20000,"data":[],"meta":{"provider":"jina","usage":{"tokens":"many"}}}`, 0, 1, codec.NoPrompt | codec.Unreadable},
	} {
		a, err := c.service.DecodeResponse([]byte(c.answer))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := a.EncodeResponse(nil)
		if string(got) != c.want || len(got) > a.Size() {
			t.Errorf("%s: %s, %d of %d bytes; want %s", name, got, len(got), a.Size(), c.want)
		}
		if a.Usage.Prompt != c.prompt || a.Usage.Searches != c.searches || a.Usage.Gaps != c.gaps {
			t.Errorf("%s: %+v", name, a.Usage)
		}
	}
}

func TestWhatIsNoSearchesAnswerIsAFailure(t *testing.T) {
	for answer, want := range map[string]string{
		`{"code":402,"status":40203,"data":null,"message":"Account balance not enough"}`: "no list",
		`{"detail":{"error":"Unauthorized"}}`:                                            "no list", `{"error":"broken"}`: "broken", `{"results":[1],"data":[1]}`: "no object", `<html>`: "", `{"data":`: "",
	} {
		for _, s := range []Service{Jina, Tavily} {
			a, err := s.DecodeResponse([]byte(answer))
			if e, is := errors.AsType[*codec.Error](err); a != nil || !is || !e.InAnswer || !strings.Contains(e.Message, want) {
				t.Errorf("%s of %s: %+v", answer, s, err)
			}
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"q":"a","max_results":3,"model":"m"}`), []byte(`{"topic":"news","max_results":2}`))
	f.Add([]byte(`{"query":"\ud800"}`), []byte(``))
	f.Fuzz(func(t *testing.T, body, defaults []byte) {
		q, err := DecodeRequest(body)
		if err != nil {
			if e := err.(*codec.Error); e.Status != 400 || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		if !json.Valid(defaults) {
			defaults = nil
		}
		for _, s := range []Service{Jina, Tavily} {
			if out := s.EncodeRequest(nil, q, defaults); !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"data":[{"title":"t","usage":{"tokens":7}}],"results":[{"title":"t"}],"meta":{"usage":{"tokens":9}},"usage":{"credits":2}}`))
	f.Add([]byte(`{"data":[],"results":[],"meta":[1],"usage":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range []Service{Jina, Tavily} {
			a, err := s.DecodeResponse(body)
			if err != nil {
				if e := err.(*codec.Error); e.Message == "" || e.Status < 400 {
					t.Fatalf("%+v", e)
				}
				continue
			}
			if out := a.EncodeResponse(nil); !json.Valid(out) || len(out) > a.Size() {
				t.Fatalf("%d of %d bytes, or not JSON: %s", len(out), a.Size(), out)
			}
		}
	})
}
