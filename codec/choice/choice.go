// Package choice finds where a request names models beside the one in its member model. Hosts that have many let their
// clients name others: to fall back to, to ask for advice, to make images with, to judge. Whoever may use some models
// only must not get the others that way.
package choice

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// What hosts take, by their documentation: OpenRouter models, route, preset, plugins and tools of its own; LiteLLM,
// Anthropic and AssemblyAI fallbacks, and LiteLLM router_settings_override, user_config and model_list as well; Vercel
// providerOptions.gateway.models; orq.ai orq.fallbacks; Groq compound_custom.models; Together safety_model; Mistral
// guardrails[].moderation_llm_v1.model_name; LM Studio draft_model; OpenAI moderation.model and the model of the tool
// image_generation, and Anthropic that of the tool advisor, which a block of the conversation may add as well; Vertex
// generationConfig.routingConfig; Google generateContentRequest.model; Azure the deployment by which it embeds a
// question in data_sources[].parameters.embedding_dependency.deployment_name
// (learn.microsoft.com/azure/ai-services/openai/references/azure-search), before that
// dataSources[].parameters.embeddingDeploymentName.
var (
	naming  = []string{"models", "fallback", "fallbacks", "fallback_models", "context_window_fallbacks", "content_policy_fallbacks", "safety_model", "draft_model"}
	seeking = []string{"plugins", "providerOptions", "provider_options", "orq", "compound_custom", "extra_body", "router_settings_override", "user_config",
		"model_list", "guardrails", moderation}
)

const (
	route      = "route"
	preset     = "preset"
	moderation = "moderation" // with images it is a word
	toolChoice = "tool_choice"
	sources    = "data_sources"

	// Routing is the member of generationConfig by which Vertex is told to use another model.
	Routing = "routingConfig"
	// Asked is the request in a countTokens request of Google's.
	Asked = "generateContentRequest"
)

// Members are the members at the top of a request that can name models, tools aside: see Hosted.
func Members() []string {
	return append(append([]string{route, preset, sources, fields.Camel(sources)}, naming...), seeking...)
}

// Fields are the fields of a form that can name models. Forms are for images and sound.
func Fields() []string {
	return slices.DeleteFunc(Members(), func(name string) bool { return name == moderation })
}

// most is how many models a request can name. OpenRouter takes three.
const most = 64

// maxDepth is how deep in a member a name can stand.
const maxDepth = 16

// Name is a model that a request names.
type Name struct {
	// Text is the name, and In the member at the top where it stands, for an error.
	Text, In string
	// Value is the string in the body; Kind Missing for one that is not written there as it is called.
	Value rawjson.Value
}

// Names finds the models that a request names, each as often as it does. google is for requests in Google's format, in
// which the model is not routed by, but can stand. The error is a *codec.Error with status 400: of too many names, or
// of a request that leaves the choice to the host.
func Names(body []byte, google bool) ([]Name, error) {
	f := finder{body: body, google: google}
	routed := false
	for it := rawjson.MembersOf(body); it.Next(); {
		name := it.Name()
		if google { // whose parser takes both spellings
			name = fields.Camel(name)
		}
		f.in = name
		routed = routed || name == route && it.Value.Present()
		f.member(name, it.Value)
	}
	if routed && !f.listed {
		f.fail(route, "leaves it to the provider which model to use: name the models in 'models'")
	}
	if f.err != nil {
		return nil, f.err
	}
	return f.names, nil
}

type finder struct {
	body   []byte
	google bool
	in     string
	names  []Name
	listed bool // there is a list of models
	err    *codec.Error
}

func (f *finder) fail(path, message string) {
	if f.err == nil {
		f.err = codec.BadRequest(path, "'"+path+"' "+message)
	}
}

// member looks at a member at the top.
func (f *finder) member(name string, v rawjson.Value) {
	switch {
	case name == "tools":
		f.tools(v, 0)
	case name == "input" && !f.google:
		f.items(v)
	case name == "messages" && !f.google:
		f.blocks(v)
	case name == toolChoice && !f.google:
		f.find(v, false, 0)
	case name == preset:
		if text, is := rawjson.Text(f.body, v); is {
			f.add("@preset/"+text, rawjson.Value{})
		}
	case !f.google && (name == sources || name == fields.Camel(sources)):
		f.deployments(v, 0)
	case f.google && name == "model":
		f.find(v, true, 0)
	case f.google && name == Asked:
		f.find(v, false, 0)
	case f.google && name == "generationConfig":
		f.routing(v)
	case has(naming, name):
		f.listed = f.listed || v.Present()
		f.find(v, true, 0)
	case has(seeking, name):
		f.find(v, false, 0)
	}
}

// has says whether a name is in the list, in either spelling.
func has(list []string, name string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return one == name || fields.Camel(one) == name })
}

// routing reads Vertex' routingConfig.
func (f *finder) routing(config rawjson.Value) {
	for it := config.Members(f.body); it.Next(); {
		if fields.Camel(it.Name()) != Routing {
			continue
		}
		for way := it.Value.Members(f.body); way.Next(); {
			if fields.Camel(way.Name()) == "manualMode" {
				f.find(way.Value, false, 0)
			} else if way.Value.Present() {
				f.fail("generationConfig."+Routing, "leaves it to the provider which model to use: name one in 'manualMode.modelName'")
			}
		}
	}
}

// deployments looks for those of Azure's. What else is called a model there is one of the source, which runs elsewhere.
func (f *finder) deployments(v rawjson.Value, depth int) {
	if depth > maxDepth && v.Kind >= rawjson.Array {
		f.fail(f.in, "is nested too deep to be read")
		return
	}
	for it := v.Elements(f.body); it.Next(); {
		f.deployments(it.Value, depth+1)
	}
	for it := v.Members(f.body); it.Next(); {
		if word, ok := word(it.Name()); ok && strings.HasSuffix(word, "deploymentname") {
			f.find(it.Value, true, depth+1)
		} else {
			f.deployments(it.Value, depth+1)
		}
	}
}

// find looks for names in a value: the strings in it if it is what a name says it is, else those of members that are
// called so.
func (f *finder) find(v rawjson.Value, named bool, depth int) {
	if depth > maxDepth && v.Kind >= rawjson.Array {
		f.fail(f.in, "is nested too deep to be read")
		return
	}
	switch v.Kind {
	case rawjson.String:
		if named {
			text, ok := rawjson.Text(f.body, v)
			if !ok {
				f.fail(f.in, "has a name that is not a valid JSON string")
			}
			f.add(text, v)
		}
	case rawjson.Array:
		for it := v.Elements(f.body); it.Next(); {
			f.find(it.Value, named, depth+1)
		}
	case rawjson.Object:
		if named && f.saysModel(v) { // {"model": …, "temperature": …}
			named = false
		}
		for it := v.Members(f.body); it.Next(); {
			name := it.Name()
			f.find(it.Value, (named || names(name)) && !allows(name), depth+1)
		}
	}
}

func (f *finder) add(text string, v rawjson.Value) {
	if len(f.names) == most {
		f.fail(f.in, "names more than 64 models together with what else does")
		return
	}
	if text != "" {
		f.names = append(f.names, Name{text, f.in, v})
	}
}

// saysModel says whether an object has a member for a model.
func (f *finder) saysModel(v rawjson.Value) bool {
	for it := v.Members(f.body); it.Next(); {
		if names(it.Name()) {
			return true
		}
	}
	return false
}

// names says whether a member called so holds names of models, in the many ways that hosts write it: model, modelName,
// analysis_models, default_fallbacks, model_group_alias.
func names(member string) bool {
	word, ok := word(member)
	return ok && (strings.HasSuffix(word, "model") || strings.HasSuffix(word, "models") || strings.HasSuffix(word, "modelname") ||
		strings.HasSuffix(word, "modelid") || strings.HasSuffix(word, "modelgroupalias") || strings.Contains(word, "fallback"))
}

// allows says whether a member called so narrows down what the host may choose of.
func allows(member string) bool {
	word, ok := word(member)
	return ok && (strings.HasPrefix(word, "allowed") || strings.HasPrefix(word, "excluded"))
}

// word is a name in lower case and without underscores; false for what is no name of a host's.
func word(member string) (string, bool) {
	if len(member) > 64 {
		return "", false
	}
	low := strings.ToLower(strings.ReplaceAll(member, "_", ""))
	for i := range len(low) {
		if c := low[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "", false
		}
	}
	return low, true
}
