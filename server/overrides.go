package server

import (
	"fmt"
	"slices"
	"strings"

	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/config"
	"uniapi/pool/provider"
)

// overrides are what a provider's post_body_parameter_overrides say of one model, by what is asked of it: fields of a
// conversation are no fields of images, of embeddings or of a count of tokens.
type overrides struct {
	talk  *override.Edits            // of conversations
	other *override.Edits            // of the rest but counts: the model's own block
	paths map[string]*override.Edits // of the endpoints that have a block: all there is for them
}

// rulesOf are those for an attempt; nil if there are none.
func (o *overrides) rulesOf(a *attempt) *override.Edits {
	if o == nil {
		return nil
	}
	if len(o.paths) > 0 {
		path := string(a.ctx.Path())
		for prefix, rules := range o.paths {
			if path == prefix || strings.HasPrefix(path, prefix+"/") || strings.HasPrefix(path, prefix+":") {
				return rules
			}
		}
	}
	switch a.endpoint {
	case provider.Chat, provider.Completions, provider.Compact:
		return o.talk
	case provider.CountTokens:
		return nil
	}
	return o.other
}

// overridden is a body with what its operator sets.
func (a *attempt) overridden(rules *override.Edits, body []byte, stream bool) []byte {
	body = overridden(rules, body, stream)
	if rules == nil || a.endpoint != provider.Chat {
		return body
	}
	return a.rules.OneLimit(body, rules.Touches)
}

// overridden is a body with post_body_parameter_overrides laid over it. stream is whether the provider is asked for
// one.
func overridden(rules *override.Edits, body []byte, stream bool) []byte {
	if rules == nil {
		return body
	}
	var s rawjson.Splicer
	rules.Edit(&s, body)
	if !stream && (rules.Sets("stream_options") || rules.Stream != nil && !rules.Touches("stream_options")) {
		s.Remove("stream_options") // providers refuse it without a stream
	}
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body // it is not an object: the provider says so
	}
	return slices.Concat(parts...)
}

// compileOverrides prepares a provider's overrides for each of its models. The errors are of the models for which they
// are not used.
func compileOverrides(p *config.Provider, models []config.Model) (all map[string]*overrides, problems []error) {
	if len(p.Preferences.Overrides) == 0 {
		return nil, nil
	}
	var entries, paths []override.Entry
	for _, o := range p.Preferences.Overrides {
		entry := override.Entry{Name: o.Key, Value: o.Value}
		if strings.HasPrefix(o.Key, "/") {
			entry.Name = strings.TrimRight(o.Key, "/")
			paths = append(paths, entry)
		} else {
			entries = append(entries, entry)
		}
	}
	isModel := func(name string) bool {
		return slices.ContainsFunc(models, func(m config.Model) bool { return m.Alias == name })
	}
	all = make(map[string]*overrides, len(models))
	for _, m := range models {
		o, err := overridesOf(m.Alias, entries, paths, isModel)
		if err != nil {
			problems = append(problems, fmt.Errorf("post_body_parameter_overrides is not used for model %q: %w", m.Alias, err))
			continue
		}
		all[m.Alias] = o
	}
	return all, problems
}

func overridesOf(model string, entries, paths []override.Entry, isModel func(string) bool) (o *overrides, err error) {
	o = new(overrides)
	if o.talk, err = override.Compile(entries, model, isModel); err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(slices.Clone(entries), func(e override.Entry) bool { return e.Name != model })
	if o.other, err = override.Compile(own, model, isModel); err != nil {
		return nil, err
	}
	for _, path := range paths {
		rules, err := override.CompileBlock(path.Value, model, isModel)
		if err != nil {
			return nil, fmt.Errorf("the block of %s: %w", path.Name, err)
		}
		if o.paths == nil {
			o.paths = make(map[string]*override.Edits, len(paths))
		}
		o.paths[path.Name] = rules
	}
	return o, nil
}
