// Package schema rewrites the JSON schemas of tools and answers for providers that take only a part of the language, or
// another one:
//
//	clean, err := schema.Clean(nil, tool.Schema, schema.Gemini)
//
// The order of members stays, so that the same schema always gives the same bytes. Names of properties are never taken
// for keywords.
package schema

// Dialect is what a provider takes. The zero value changes nothing but boolean schemas: true becomes {}, and what is
// false goes.
type Dialect struct {
	// Keep are the keywords that survive; nil is all of them. Drop are those that do not.
	Keep, Drop map[string]bool
	// Describe are dropped keywords that limit a value. They are told to the model in the description.
	Describe map[string]bool
	// Formats are the values of format that survive; nil is all of them. Others are told in the description.
	Formats map[string]bool

	// Inline puts the target of every local $ref in its place, with the members beside the $ref laid over it. A cycle,
	// and what is nested deeper than MaxRefDepth, becomes {"type":"object"}. $defs and definitions go.
	Inline bool
	// Nullable says nullable for what JSON schema says by a null among several types or branches. Several other types
	// become anyOf.
	Nullable bool
	// AnyOf writes oneOf as anyOf and merges the branches of allOf into the schema that has it.
	AnyOf bool
	// StringEnums is for providers whose enums are strings: const becomes an enum, null and "" go out of one, and an
	// enum of other values is told in the description, since a number made a string would fail the client's check.
	StringEnums bool
	// Capitals writes types as Google's own form has them: STRING.
	Capitals bool
	// Typed gives a type to a schema that shows what it is but has none, and items to an array that has none.
	Typed bool
	// Items gives items to an array that has none.
	Items bool
	// Closed forbids additional properties in every object.
	Closed bool
	// ObjectTop makes the top an object with properties: combinators there are merged, and a missing schema becomes an
	// empty object.
	ObjectTop bool
}

// MaxRefDepth is how deep references may be nested in each other when they are inlined.
const MaxRefDepth = 20

func words(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, w := range list {
		set[w] = true
	}
	return set
}

var limits = words("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
	"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties")

var (
	// Gemini is the OpenAPI subset of Gemini's parameters and responseSchema.
	Gemini = &Dialect{
		Keep: words("type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
			"minProperties", "maxProperties", "minLength", "maxLength", "pattern", "anyOf", "propertyOrdering", "items", "minimum", "maximum"),
		Describe: words("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "default"),
		Formats:  words("enum", "date-time", "float", "double", "int32", "int64"),
		Inline:   true, Nullable: true, AnyOf: true, StringEnums: true, Typed: true, Capitals: true,
	}
	// GeminiJSON is JSON schema as parametersJsonSchema and responseJsonSchema take it.
	GeminiJSON = &Dialect{
		Drop: words("$schema", "$id", "$comment", "title", "examples", "discriminator", "exclusiveMinimum", "exclusiveMaximum",
			"patternProperties", "unevaluatedProperties", "if", "then", "else", "not", "contentMediaType"),
		Describe: words("exclusiveMinimum", "exclusiveMaximum"),
		Formats:  words("enum", "date-time", "float", "double", "int32", "int64"),
	}
	// Bedrock is what all models behind Converse take in a toolSpec: Nova wants nothing beside type, properties and
	// required at the top, and no references.
	Bedrock = &Dialect{
		Drop: words("$schema", "$id", "$comment", "$anchor", "examples", "discriminator", "unevaluatedProperties", "if", "then", "else",
			"not", "contentMediaType", "contentEncoding", "strict"),
		Inline: true, Nullable: true, AnyOf: true, Typed: true, ObjectTop: true,
	}
	// AnthropicTool is a tool's input_schema: JSON schema, but an object without combinators at the top.
	AnthropicTool = &Dialect{ObjectTop: true}
	// OpenAITool is the parameters of a function that is not strict: an object with properties and without combinators
	// at the top, and arrays that say of what.
	OpenAITool = &Dialect{ObjectTop: true, Items: true}
	// AnthropicOutput is output_config.format's schema: closed objects and no limits on values.
	AnthropicOutput = &Dialect{Drop: unlimited, Describe: limits, AnyOf: true, Closed: true}
	// AnthropicStrict is the input_schema of a strict tool.
	AnthropicStrict = &Dialect{Drop: unlimited, Describe: limits, AnyOf: true, Closed: true, ObjectTop: true}
)

var unlimited = merge(limits, words("$schema", "$id", "$comment", "examples", "patternProperties", "propertyNames", "contains", "not", "if",
	"then", "else", "unevaluatedProperties"))

func merge(a, b map[string]bool) map[string]bool {
	for w := range a {
		b[w] = true
	}
	return b
}
