package config

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestYAMLBecomesJSONWithOrderAndSpelling(t *testing.T) {
	for written, want := range map[string]string{
		"{z: 1, a: 2, m: 3}":                           `{"z":1,"a":2,"m":3}`,
		"[1.0, 1.10, 1e3, -0.5, 12345678901234567890]": `[1.0,1.10,1e3,-0.5,12345678901234567890]`,
		"[0x10, 1_000, .5, +7]":                        `[16,1000,0.5,7]`,
		"[true, False, ~, null, yes]":                  `[true,false,null,null,"yes"]`,
		"['1', \"true\", 2024-07-01]":                  `["1","true","2024-07-01"]`,
		"{a: {b: [{c: d}]}, 1: 2}":                     `{"a":{"b":[{"c":"d"}]},"1":2}`,
		"'<b> & \"c\" 模\n\n  d'":                       `"<b> & \"c\" 模\nd"`,
		"{a: &x [1], b: *x}":                           `{"a":[1],"b":[1]}`,
		"{a: &x {k: 1, l: 2}, b: {<<: *x, k: 3}}":      `{"a":{"k":1,"l":2},"b":{"l":2,"k":3}}`,
		"[]": `[]`,
		"{}": `{}`,
	} {
		got, problems := read(t, jsonValue, written)
		if len(problems) > 0 || string(got) != want || !json.Valid(got) {
			t.Errorf("%s: got %s %v, want %s", written, got, problems, want)
		}
	}
}

func TestAliasesCannotGrowWithoutEnd(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		name, before := string(rune('b'+i)), string(rune('a'+i))
		bomb += name + "0: &" + name + "0 [" + strings.Repeat("*"+before+"0, ", 9) + "*" + before + "0]\n"
	}
	for name, text := range map[string]string{
		"tree":           withProvider("    notes:\n" + indent(bomb, 6) + "    preferences: {post_body_parameter_overrides: {x: *j0}}\n"),
		"ring":           withProvider("    preferences: {post_body_parameter_overrides: &x {b: *x}}\n"),
		"ring of merges": withProvider("    preferences: &x\n      <<: [*x, *x]\n"),
	} {
		if got, refused := problemsOf(t, text, noEnv); !refused || len(got) > 3 {
			t.Errorf("%s: refused %v, %d problems:\n%v", name, refused, len(got), got)
		}
	}
}

func indent(text string, by int) string {
	space := strings.Repeat(" ", by)
	return space + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+space) + "\n"
}
