package config

import (
	"fmt"
	"slices"
	"strings"
)

// Engine is a wire format that `engine` can force.
type Engine struct {
	Name   string
	Served bool // false: uni-api knows it, and this program does not speak it
}

// Engines are all that there are. Package pool has what speaks each that is served.
var Engines = []Engine{
	{"gpt", true}, {"claude", true}, {"gemini", true}, {"vertex", true}, {"vertex-gemini", true}, {"vertex-claude", true}, {"aws", true},
	{"azure", true}, {"azure-databricks", true}, {"cohere", true}, {"cloudflare", true}, {"openrouter", true}, {"responses", true},
	{"dalle", true}, {"whisper", true}, {"tts", true}, {"embedding", true}, {"moderation", true},
	{"codex", false}, {"search", false}, {"doubao-translation", false}, {"content-generation", false}, {"lingjing", false},
}

// EngineError says of an engine that is not served what to write in its place; nil for one that is. Its words are those of `uni-api check` as
// well as of the log.
func EngineError(name string) error {
	var served []string
	why := "known"
	for _, e := range Engines {
		if e.Served {
			served = append(served, e.Name)
		} else if e.Name == name {
			why = "served"
		}
	}
	if slices.Contains(served, name) {
		return nil
	}
	hint := ""
	if why == "known" {
		hint = didYouMean(name, served)
	}
	return fmt.Errorf("engine %s is not %s%s; it is one of %s", shown(name), why, hint, strings.Join(served, ", "))
}
