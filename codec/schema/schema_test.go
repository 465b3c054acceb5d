package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestCleanWritesTheSchemaInTheDialect(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect *Dialect
		in, out string
	}{
		{"order and number spelling stay", &Dialect{}, `{"z":1.50,"a":[1e3,{"y":0,"b":"\u00e9"}]}`, `{"z":1.50,"a":[1e3,{"y":0,"b":"\u00e9"}]}`},
		{"a null among types is nullable", Gemini, `{"type":["string","null"]}`, `{"type":"STRING","nullable":true}`},
		{"and goes out of the enum", Gemini, `{"type":["string","null"],"enum":["c","f",null]}`, `{"type":"STRING","enum":["c","f"],"nullable":true}`},
		{"several types are branches", Gemini, `{"type":["string","integer","null"]}`, `{"anyOf":[{"type":"STRING"},{"type":"INTEGER"}],"nullable":true}`},
		{"a null branch is nullable and the other takes its place", Gemini, `{"description":"d","anyOf":[{"type":"string","description":"x"},{"type":"null"}]}`,
			`{"type":"STRING","description":"d","nullable":true}`},
		{"oneOf is anyOf", Gemini, `{"oneOf":[{"type":"string"},{"type":"number"}]}`, `{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}`},
		{"allOf is merged", Gemini, `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"string"}},"required":["b"]}]}`,
			`{"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"STRING"}},"required":["a","b"]}`},
		{"const is an enum", Gemini, `{"const":"x"}`, `{"enum":["x"],"type":"STRING"}`},
		{"branches of single strings are an enum", Gemini, `{"anyOf":[{"const":"x"},{"type":"string","enum":["y"]}]}`, `{"enum":["x","y"],"type":"STRING"}`},
		{"an enum of numbers is told", Gemini, `{"type":"integer","enum":[1,2]}`, `{"type":"INTEGER","description":"one of: [1,2]"}`},
		{"empty strings go out of an enum", Gemini, `{"type":"string","enum":["","a"]}`, `{"type":"STRING","enum":["a"]}`},
		{"a strange format is told", Gemini, `{"type":"string","format":"uri","description":"d"}`, `{"type":"STRING","description":"d\nformat: uri"}`},
		{"limits that do not exist are told", Gemini, `{"type":"number","exclusiveMinimum":0}`, `{"type":"NUMBER","description":"exclusiveMinimum: 0"}`},
		{"an array gets items", Gemini, `{"type":"array"}`, `{"type":"ARRAY","items":{"type":"STRING"}}`},
		{"a tuple's items are branches", Gemini, `{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}]}`,
			`{"type":"ARRAY","items":{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}}`},
		{"required names what is there", Gemini, `{"type":"object","properties":{"a":{"type":"string"},"b":false},"required":["a","b"]}`,
			`{"type":"OBJECT","properties":{"a":{"type":"STRING"}},"required":["a"]}`},
		{"a branch that only requires is nothing", Gemini, `{"type":"object","properties":{"a":{"type":"string"}},"anyOf":[{"required":["a"]},{"required":[]}]}`,
			`{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`},
		{"a tuple says of what it is for OpenAI", OpenAITool, `{"type":"object","properties":{"a":{"type":"array","prefixItems":[{"type":"string"}]}}}`,
			`{"type":"object","properties":{"a":{"type":"array","prefixItems":[{"type":"string"}],"items":{}}}}`},
		{"properties may be called like keywords", Gemini, `{"properties":{"$ref":{"type":"string"},"const":{"type":"string"},"not":{"type":"string"}}}`,
			`{"type":"OBJECT","properties":{"$ref":{"type":"STRING"},"const":{"type":"STRING"},"not":{"type":"STRING"}}}`},
		{"references are resolved", Gemini, `{"properties":{"a":{"$ref":"#/$defs/A~1b","description":"mine"}},"$defs":{"A/b":{"type":"string","description":"its"}}}`,
			`{"type":"OBJECT","properties":{"a":{"type":"STRING","description":"mine"}}}`},
		{"a cycle is cut", Gemini, `{"$ref":"#/definitions/N","definitions":{"N":{"type":"object","properties":{"next":{"$ref":"#/definitions/N"}}}}}`,
			`{"type":"OBJECT","properties":{"next":{"type":"OBJECT"}}}`},
		{"a reference to nowhere is anything", Gemini, `{"properties":{"a":{"$ref":"http://x/y","description":"d"}}}`, `{"type":"OBJECT","properties":{"a":{"description":"d"}}}`},
		{"Bedrock's top is an object without combinators", Bedrock, `{"$schema":"x","anyOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":["integer","null"]}}}]}`,
			`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer","nullable":true}}}`},
		{"no schema is an object without properties", Bedrock, ``, `{"type":"object","properties":{}}`},
		{"Anthropic's tools keep references", AnthropicTool, `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"type":["string","null"]}}}`,
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"type":["string","null"]}}}`},
		{"Anthropic's answers are closed and limits are told", AnthropicOutput, `{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]}`,
			`{"type":"object","properties":{"a":{"type":"integer","description":"minimum: 1"}},"required":["a"],"additionalProperties":false}`},
		{"GeminiJSON keeps references and type lists", GeminiJSON, `{"title":"T","type":["object","null"],"properties":{"title":{"type":"string"}},"if":{}}`,
			`{"type":["object","null"],"properties":{"title":{"type":"string"}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := Clean([]byte("x"), []byte(c.in), c.dialect)
			if err != nil || string(out[1:]) != c.out {
				t.Errorf("%s\n got %s, %v\nwant %s", c.in, out[1:], err, c.out)
			}
		})
	}
}

func TestCleanRefusesWhatIsNoSchema(t *testing.T) {
	for _, in := range []string{`[]`, `true`, `{`, `{"a":1} x`, `{"enum":[` + strings.Repeat("1,", MaxNodes) + `1]}`} {
		if out, err := Clean(nil, []byte(in), Gemini); err == nil {
			t.Errorf("%.40s gave %.40s", in, out)
		}
	}
}

// Few values can be long: a text that is named a thousand times.
func TestCleanStaysSmallForReferencesToWhatIsLong(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	var names strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&names, `"p%d":{"$ref":"#/$defs/d"},`, i)
	}
	for name, in := range map[string]string{
		"a text":            `{"type":"object","properties":{` + names.String() + `"z":{}},"$defs":{"d":{"type":"string","description":"` + long + `"}}}`,
		"one within itself": `{"type":"object","properties":{` + names.String() + `"z":{}},"$defs":{"d":{"type":"object","description":"` + long + `","properties":{"a":{"$ref":"#/$defs/d"}}}}}`,
		"all of itself":     `{"type":"object","description":"` + long + `","properties":{` + strings.ReplaceAll(names.String(), "/$defs/d", "") + `"z":{}}}`,
		"many values":       `{"type":"object","properties":{` + names.String() + `"z":{}},"$defs":{"d":{"prefixItems":[` + strings.Repeat("{},", 3000) + `{}]}}}`,
		"in another letter": `{"type":"object","properties":{` + strings.ReplaceAll(names.String(), "$ref", `\u0024r\u0065f`) + `"z":{}},"$defs":{"d":{"enum":["` + long + `"]}}}`,
		"a list":            `{"type":"object","properties":{` + names.String() + `"z":{}},"$defs":{"d":{"enum":["` + long + `"]}}}`,
	} {
		for _, d := range []*Dialect{Gemini, GeminiJSON, Bedrock, AnthropicOutput} {
			out, err := Clean(nil, []byte(in), d)
			if most := len(in) + Inlined([]byte(in)) + 100*3000; err != nil || len(out) > most {
				t.Errorf("%s: %d bytes of %d, %v", name, len(out), len(in), err)
			}
		}
	}
}

func TestCleanStaysSmallForReferencesThatDouble(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for i := range 19 {
		next := string(rune('b' + i))
		b.WriteString(`"` + string(rune('a'+i)) + `0":{"properties":{"x":{"$ref":"#/$defs/` + next + `0"},"y":{"$ref":"#/$defs/` + next + `0"}}},`)
	}
	b.WriteString(`"t0":{"type":"string"}}}`)
	out, err := Clean(nil, []byte(b.String()), Bedrock)
	if err != nil || len(out) > 4<<20 || !json.Valid(out) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func FuzzClean(f *testing.F) {
	f.Add([]byte(`{"type":["string","null"],"anyOf":[{"$ref":"#/anyOf/0"},{"const":1}],"allOf":[{"$ref":"#"}]}`))
	f.Add([]byte(`{"properties":{"a":{"items":[{"enum":[null,""]}]}},"required":["a","b"],"oneOf":[true,false]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, d := range []*Dialect{{}, Gemini, GeminiJSON, Bedrock, AnthropicTool, AnthropicOutput} {
			out, err := Clean(nil, in, d)
			if err != nil {
				continue
			}
			again, err := Clean(nil, in, d)
			if err != nil || !bytes.Equal(out, again) {
				t.Fatalf("two runs differ: %s and %s", out, again)
			}
			if json.Valid(in) && !json.Valid(out) {
				t.Fatalf("%s is not JSON", out)
			}
		}
	})
}
