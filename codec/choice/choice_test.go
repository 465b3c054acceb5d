package choice

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

func TestNamesFindsTheModels(t *testing.T) {
	for _, c := range []struct {
		body   string
		google bool
		want   []string
	}{
		{`{"model":"m","models":["a","b"],"fallbacks":[{"model":"c","messages":[{"role":"user","content":"x"}]},{"d":["e"]},"f"]}`, false, []string{"a", "b", "c", "e", "f"}},
		{`{"plugins":[{"id":"x","model":"a","analysis_models":["b"],"allowed_models":["no"],"engine":"no"}],"preset":"p","extra_body":{"model":"c","metadata":{"models":["d"]}}}`, false,
			[]string{"a", "b", "@preset/p", "c", "d"}},
		{`{"tools":[{"type":"function","function":{"name":"f","parameters":{"model":"no"}}},{"type":"image_generation","model":"a"},{"type":"custom","model":"no"},{"name":"f","input_schema":{"model":"no"}}]}`,
			false, []string{"a"}},
		{`{"model":"models/a","models":["b"],"generationConfig":{"model":"no","routingConfig":{"manualMode":{"modelName":"c"}}},"generateContentRequest":{"model":"d"}}`, true, []string{"models/a", "b", "c", "d"}},
		{`{"tools":[{"functionDeclarations":[{"name":"f","parameters":{"model":"no"}}]},{"retrieval":{"llmRanker":{"model_name":"a"}}}]}`, true, []string{"a"}},
		{`{"model":"m","messages":[{"model":"no"}],"metadata":{"models":["no"]},"x":{"models":["no"]}}`, false, nil},
		{`{"models":null,"fallbacks":{},"plugins":"no","preset":null,"route":null}`, false, nil},
		{`{"plugins":[{"x-model":"no","fallback_of":"a"}]}`, false, []string{"a"}},
		{`{"compound_custom":{"models":{"answering_model":"a","reasoning_model":"b"},"tools":{"enabled_tools":["no"]}},"safety_model":"c","draft_model":"d"}`, false, []string{"a", "b", "c", "d"}},
		{`{"router_settings_override":{"fallbacks":[{"no":["a"]}],"context_window_fallbacks":[{"no":["b"]}],"model_group_alias":{"no":"c","no2":{"model":"d","hidden":true}},"num_retries":2}}`, false,
			[]string{"a", "b", "c", "d"}},
		{`{"user_config":{"model_list":[{"model_name":"a","litellm_params":{"model":"b","api_key":"no"}}],"default_fallbacks":["c"]},"model_list":[{"model":"d"}]}`, false, []string{"a", "b", "c", "d"}},
		{`{"guardrails":[{"block_on_error":true,"moderation_llm_v1":{"model_name":"a","action":"no"}},"no"],"moderation":{"model":"b"}}`, false, []string{"a", "b"}},
		{`{"moderation":"low","guardrails":["no"]}`, false, nil},
		{`{"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"f","parameters":{"model":"no"}},{"type":"image_generation","model":"a"}]},{"role":"user","content":"x","model":"no"},` +
			`{"type":"tool_search_output","\u0074ools":[{"type":"namespace","tools":[{"type":"image_generation","model":"b"}]}]},{"Tools":[{"type":"image_generation","model":"c"}]},"x",["x"]]}`, false, []string{"a", "b", "c"}},
		{`{"input":[{"tools":"no"},{"tools":{"type":"image_generation","model":"no"}}],"tool_choice":{"type":"function","name":"model"}}`, false, nil},
		{`{"messages":[{"role":"user","content":"x","tool":{"definition":{"type":"advisor_20260301","model":"no"}}},{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"advisor_20260301","name":"advisor","model":"a"}}},` +
			`{"type":"tool_addition","\u0074ool":{"type":"tool_definition","Definition":{"type":"advisor_20260301","model":"b"}}},{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"f","input_schema":{"model":"no"}}}},{"type":"tool_use","input":{"tool":{"definition":{"type":"x","model":"no"}}}},"x",{"tool":"no"}]},` +
			`{"content":[{"type":"compaction","tool_changes":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"advisor_20260301","model":"c"}}}]}]},"x"]}`, false, []string{"a", "b", "c"}},
		{`{"tool_choice":{"type":"image_generation","model":"a"}}`, false, []string{"a"}},
		{`{"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"image_generation","model":"a"},{"type":"function","name":"f"}]}}`, false, []string{"a"}},
		{`{"tool_choice":"auto","input":"hi"}`, false, nil},
		{`{"data_sources":[{"type":"azure_search","parameters":{"index_name":"no","embedding_dependency":{"type":"deployment_name","deployment_name":"a","dimensions":5}}}]}`, false, []string{"a"}},
		{`{"dataSources":[{"type":"AzureCognitiveSearch","parameters":{"indexName":"no","embeddingDeploymentName":"a","authentication":{"key":"no"}}}]}`, false, []string{"a"}},
		{`{"data_sources":[{"type":"elasticsearch","parameters":{"embedding_dependency":{"type":"model_id","model_id":"no"}}}]}`, false, nil},
	} {
		names, err := Names([]byte(c.body), c.google)
		var got []string
		for _, n := range names {
			got = append(got, n.Text)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, %v, want %q", c.body, got, err, c.want)
		}
	}
}

func TestNamesRefusesWhatCannotBeKnown(t *testing.T) {
	for body, says := range map[string]string{
		`{"route":"fallback"}`:                                                                             "'route'",
		`{"models":["` + strings.Repeat(`a","`, most) + `a"]}`:                                             "more than 64",
		`{"plugins":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`:                            "'plugins' is nested too deep",
		`{"models":["\x"]}`:                                                                                "not a valid JSON string",
		`{"tools":[` + strings.Repeat(`{"tools":[`, 20) + strings.Repeat(`]}`, 20) + `]}`:                  "'tools' are nested too deep",
		`{"tools":[{"type":"x","x":` + strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat(`}`, 20) + `}]}`: "'tools' is nested too deep",
	} {
		var e *codec.Error
		if _, err := Names([]byte(body), false); !errors.As(err, &e) || e.Status != 400 || !strings.Contains(e.Message, says) {
			t.Errorf("%.60s: %v, want %s", body, err, says)
		}
	}
}

// hosted is Hosted for a list by itself.
func hosted(t *testing.T, tools string, google bool) bool {
	body := []byte(`{"tools":` + tools + `,"x":1}`)
	it := rawjson.MembersOf(body)
	it.Step()
	list := it.Elements()
	found := Hosted(body, &list, google)
	it.Leave(&list.Walk)
	if whole := it.Whole(); string(whole.Raw(body)) != tools || !it.Step() || it.Next() || it.Err() != nil {
		t.Errorf("%s: Hosted left it at %s, %v", tools, whole.Raw(body), it.Err())
	}
	return found
}

func TestHostedTellsWhoRunsATool(t *testing.T) {
	for _, c := range []struct {
		tools  string
		google bool
		want   bool
	}{
		{`[{"type":"function","function":{"type":"image_generation"}},{"type":"custom"},{"name":"f"},{"type":null}]`, false, false},
		{`[{"type":"web_search"}]`, false, true},
		{`[{"name":"f"},{"Type":"web_search"}]`, false, true},
		{`[{"type":"function","\u0074ype":"web_search"}]`, false, true},
		{`[{"type":5}]`, false, true},
		{`[{"type":"namespace","name":"n","tools":[{"type":"function"},{"type":"custom"}]}]`, false, false},
		{`[{"type":"namespace","name":"n","tools":[{"type":"function"},{"type":"web_search"}]}]`, false, true},
		{`[{"type":"namespace","tools":[{"type":"namespace","tools":[]}]}]`, false, true},
		{`[{"functionDeclarations":[{"type":"x"}]},{"function_declarations":[]}]`, true, false},
		{`[{"functionDeclarations":[]},{"googleSearch":{}}]`, true, true},
		{`[]`, false, false}, {`{}`, false, false}, {`[[{"type":"x"}],"x",null]`, false, false},
		{`[{"type": "function", "function": {}}, {"name": "f", "type": "custom", "tools": [{"type": "x"}]}]`, false, true},
		{`[{"name":"f","input_schema":{"type":"x"},"text":1,"tools":5},{ "type" : "function" },{}]`, false, false},
	} {
		if got := hosted(t, c.tools, c.google); got != c.want {
			t.Errorf("%s: %v", c.tools, got)
		}
	}
}

// FuzzHosted compares Hosted with a walk that looks at each member of each tool.
func FuzzHosted(f *testing.F) {
	f.Add([]byte(`[{"type":"function","function":{"name":"f","parameters":{}}},{"name":"g", "type": "custom"},{"type":"namespace","tools":[{"type":"x"}]}]`))
	f.Add([]byte(`[{"name":"f","description":"\"","input_schema":{"type":"object"}},{"Type":"x"},{"t\u0079pe":1}]`))
	f.Fuzz(func(t *testing.T, tools []byte) {
		body := fmt.Appendf(nil, `{"tools":%s,"x":1}`, tools)
		if v, err := rawjson.One(tools); err != nil || v.Kind != rawjson.Array || v.End-v.Start != len(tools) {
			return
		}
		want := false
		each := func(list rawjson.Value, visit func(*rawjson.Members)) {
			for it := list.Elements(body); it.Next(); {
				for m := it.Value.Members(body); m.Next(); {
					visit(&m)
				}
			}
		}
		top, err := rawjson.One(body)
		if err != nil {
			t.Fatal(err)
		}
		each(top.Get(body, "tools"), func(m *rawjson.Members) {
			if !isSpace(m, false) {
				want = want || isHosts(body, m, false)
				return
			}
			each(m.Value, func(m *rawjson.Members) { want = want || isSpace(m, false) || isHosts(body, m, false) })
		})
		if got := hosted(t, string(tools), false); got != want {
			t.Fatalf("%s: %v, want %v", tools, got, want)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add([]byte(`{"models":["a"],"fallbacks":[{"model":"c"},{"d":["e"]}],"plugins":[{"model":"a"}],"preset":"p","tools":[{"type":"x","model":"y"}]}`), true)
	f.Add([]byte(`{"tools":[{"type":"namespace","tools":[{"type":"x","models":{"a":"y"}}]}],"generationConfig":{"routingConfig":{"manualMode":{"modelName":"c"}}}}`), false)
	f.Fuzz(func(t *testing.T, body []byte, google bool) {
		names, err := Names(body, google)
		if err != nil {
			return
		}
		top, err := rawjson.One(body)
		if err != nil {
			return
		}
		asks := false
		for it := top.Members(body); it.Next(); {
			list := it.Value.Elements(body)
			asks = asks || slices.ContainsFunc(append(Members(), "model", Asked, "generationConfig"), func(m string) bool { return m == it.Name() || fields.Camel(m) == fields.Camel(it.Name()) }) ||
				it.Name() == "tools" && Hosted(body, &list, google)
		}
		if len(names) > 0 && !asks {
			t.Fatalf("%s names %v, and nothing tells", body, names)
		}
		for _, n := range names {
			if text, _ := rawjson.Text(body, n.Value); n.Value.Kind != rawjson.Missing && text != n.Text {
				t.Fatal(fmt.Sprint(n, text))
			}
		}
	})
}

// TestCarriedTellsOfToolsInItems also holds that the rest of the body is read from where it should be.
func TestCarriedTellsOfToolsInItems(t *testing.T) {
	for items, want := range map[string]bool{
		`[]`: false, `"hi"`: false, `[1,"x",[]]`: false, `[{"role":"user","content":[{"tools":[{"type":"image_generation"}]}]}]`: false,
		`[{"tools":[{"type":"function","name":"f","parameters":{"type":"x"}}]},{"a":{}}]`: false, `[{"a":[1],"tools":[{"type":"image_generation","model":"a"}],"b":{}},{"a":1}]`: true,
		`[{"a":1},{"type":"x","t\u006fols":[{"x":1,"type":"mcp"}]}]`: true, `[{"tools":[{"type":"namespace","tools":[{"type":"mcp"}]}]}]`: true,
	} {
		body := []byte(`{"input":` + items + `,"x":1}`)
		it := rawjson.MembersOf(body)
		it.Step()
		list := it.Elements()
		found := Carried(body, &list)
		it.Leave(&list.Walk)
		if whole := it.Whole(); found != want || string(whole.Raw(body)) != items || !it.Step() || it.Next() || it.Err() != nil {
			t.Errorf("%s: %v, and it left at %s, %v", items, found, whole.Raw(body), it.Err())
		}
	}
}
