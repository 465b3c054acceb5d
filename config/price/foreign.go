package price

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ReadForeign reads a list of prices in one of the forms in which the world keeps them: the JSON that the package
// litellm carries, or that of models.dev. version is what the first line of the list says of it. Entries of providers
// that nobody could be asked by, or without a price, are left out; a file in which too little is left is refused, since
// it is not what it is taken for.
func ReadForeign(data []byte, version string) (*List, error) {
	found := foreign{entries: map[string][]string{}, images: map[string][]imageVariant{}}
	err := inOrder(data, func(name string, raw json.RawMessage) {
		var entry struct {
			Provider string          `json:"litellm_provider"`
			Models   json.RawMessage `json:"models"`
		}
		if json.Unmarshal(raw, &entry) != nil {
			return
		}
		if entry.Models == nil {
			found.litellm(name, entry.Provider, raw)
			return
		}
		_ = inOrder(entry.Models, func(model string, raw json.RawMessage) { found.modelsDev(name, model, raw) })
	})
	if err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	return found.list(version)
}

// inOrder visits the members of an object as they stand: of two entries for one model the first counts.
func inOrder(object []byte, visit func(name string, raw json.RawMessage)) error {
	if !json.Valid(object) || !bytes.HasPrefix(bytes.TrimSpace(object), []byte("{")) {
		var top map[string]json.RawMessage
		if err := json.Unmarshal(object, &top); err != nil {
			return err
		}
		return errors.New("it is empty")
	}
	read := json.NewDecoder(bytes.NewReader(object))
	_, err := read.Token()
	for err == nil && read.More() {
		var name json.Token
		var raw json.RawMessage
		if name, err = read.Token(); err == nil {
			err = read.Decode(&raw)
		}
		if text, is := name.(string); is && err == nil {
			visit(text, raw)
		}
	}
	return err
}

// What a list of prices has at least, and at most; the longest that are known have some thousands, of 2 KB each.
const (
	fewestPrices = 10
	mostPrices   = 20_000
	mostEntry    = 64 << 10 // bytes of an entry; a longer one is left out
)

// foreign are the words of each entry, by its name.
type foreign struct {
	entries map[string][]string
	images  map[string][]imageVariant
}

func (f foreign) list(version string) (*List, error) {
	if max(len(f.entries), len(f.images)) > mostPrices {
		return nil, fmt.Errorf("it has more than %d prices", mostPrices)
	}
	f.addImages()
	var lines []string
	for name, words := range f.entries {
		slices.Sort(words)
		line := name + "\t" + strings.Join(slices.Compact(words), " ")
		if _, err := parse(line[len(name)+1:]); err == nil {
			lines = append(lines, line)
		}
	}
	if len(lines) < fewestPrices {
		return nil, fmt.Errorf("only %d prices are in it; it must be in the form of litellm's model_prices_and_context_window.json or of models.dev's api.json", len(lines))
	}
	slices.SortFunc(lines, func(a, b string) int { // as find looks for them
		a, _, _ = strings.Cut(a, "\t")
		b, _, _ = strings.Cut(b, "\t")
		return strings.Compare(a, b)
	})
	return read("prices " + version + "\n" + strings.Join(lines, "\n") + "\n"), nil
}

// Text is the list as read takes it.
func (l *List) Text() string { return l.head + "\n" + l.text }

// Len is how many entries it has.
func (l *List) Len() int { return strings.Count(l.text, "\n") }

// ReadText reads what Text wrote; an error is that somebody else has changed it.
func ReadText(text string) (*List, error) {
	l := read(text)
	last, n := "", 0
	for line := range strings.Lines(l.text) {
		name, words, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || n > 0 && name <= last {
			return nil, fmt.Errorf("line %d is out of order", n+2)
		}
		if _, err := parse(words); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+2, err)
		}
		last = name
		n++
	}
	if n < fewestPrices {
		return nil, errors.New("it has too few prices")
	}
	return l, nil
}

// put adds an entry, unless its name cannot be one. A provider that asks nothing for writing into its cache, as
// DeepSeek (https://api-docs.deepseek.com/guides/kv_cache), still asks what input costs for the tokens that it wrote:
// they were no hit. A price of 0 would make a prompt free if somebody counts it as written.
func (f foreign) put(provider, model string, words []string) {
	words = slices.DeleteFunc(words, func(w string) bool {
		return strings.HasSuffix(w, "cache_write=0") || strings.HasSuffix(w, "cache_write_1h=0")
	})
	if name, ok := entryName(provider, model); ok && f.entries[name] == nil && len(f.entries) <= mostPrices {
		f.entries[name] = words
	}
}

func entryName(provider, model string) (string, bool) {
	name := provider + "/" + model
	return name, model != "" && len(name) <= 250 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// litellmProviders are the providers of the list by litellm's names. Others cannot be told by their addresses.
var litellmProviders = providerNames(`openai anthropic gemini azure deepseek mistral xai moonshot zai dashscope minimax cohere voyage perplexity jina_ai groq cerebras
	together_ai fireworks_ai sambanova deepinfra openrouter cloudflare hyperbolic nebius novita volcengine ai21 bedrock vertex_ai
	tavily
	bedrock_converse=bedrock cohere_chat=cohere azure_ai=azure fireworks_ai-embedding-models=fireworks_ai codestral=mistral`)

// modelsDevProviders are they by those of models.dev.
var modelsDevProviders = providerNames(`openai anthropic google=gemini azure azure-cognitive-services=azure deepseek mistral xai moonshotai=moonshot moonshotai-cn=moonshot zai zhipuai=zai
	alibaba=dashscope alibaba-cn=dashscope minimax minimax-cn=minimax cohere voyage perplexity jina=jina_ai groq cerebras togetherai=together_ai fireworks-ai=fireworks_ai sambanova deepinfra openrouter
	cloudflare-workers-ai=cloudflare hyperbolic nebius novita-ai=novita volcengine ai21 amazon-bedrock=bedrock google-vertex=vertex_ai google-vertex-anthropic=vertex_ai`)

func providerNames(text string) map[string]string {
	names := make(map[string]string)
	for word := range strings.FieldsSeq(text) {
		theirs, ours, other := strings.Cut(word, "=")
		if !other {
			ours = theirs
		}
		names[theirs] = ours
	}
	return names
}

var litellmTokens = map[string]string{
	"input_cost_per_token": "input", "output_cost_per_token": "output", "cache_read_input_token_cost": "cached", "cache_creation_input_token_cost": "cache_write",
	"cache_creation_input_token_cost_above_1hr": "cache_write_1h", "output_cost_per_reasoning_token": "reasoning", "input_cost_per_audio_token": "audio_input",
	"output_cost_per_audio_token": "audio_output", "input_cost_per_image_token": "image_input", "output_cost_per_image_token": "image_output",
}

var litellmUnits = map[string]string{
	"output_cost_per_image": "per_image", "input_cost_per_second": "per_second", "input_cost_per_character": "per_character", "input_cost_per_request": "per_request",
	"input_cost_per_query": "per_search",
}

// litellmTier tells a member's tier; nothing can be asked for in a batch here.
var litellmTier = regexp.MustCompile(`^(.*?)(?:_above_(\d+)k_tokens)?(?:_(priority|flex|ultrafast))?$`)

// litellmVariant begins the names of models that are a size, a quality, a number of steps or a region of another one.
var litellmVariant = regexp.MustCompile(`^(\d+-x-|max-x-|low/|medium/|high/|hd/|standard/|[a-z]{2}-[a-z]+-\d/)`)

func (f foreign) litellm(model, provider string, raw json.RawMessage) {
	switch {
	case strings.HasPrefix(model, "openrouter/"):
		provider = "openrouter"
	case strings.HasPrefix(provider, "vertex_ai"):
		provider = "vertex_ai"
	}
	ours, known := litellmProviders[provider]
	row := membersOf(raw)
	if !known || row == nil || string(row["mode"]) == `"search"` && ours != "tavily" { // services that search have the model "search": one's price is not another's
		return
	}
	for _, p := range [...]string{provider, ours} {
		if rest, is := strings.CutPrefix(model, p+"/"); is {
			model = rest
			break
		}
	}
	if litellmVariant.MatchString(model) {
		f.litellmImage(ours, model, row)
		return
	}
	var words []string
	for key, value := range row {
		m := litellmTier.FindStringSubmatch(key)
		tier := m[3]
		if m[2] != "" {
			tier += ">" + m[2] + "000"
		}
		if name := litellmTokens[m[1]]; name != "" {
			words = appendWord(words, tier, name, value, 6)
		} else if name := litellmUnits[m[1]]; name != "" && tier == "" {
			words = appendWord(words, "", name, value, 0)
		}
	}
	words = appendTimes(words, "fast", membersOf(row["provider_specific_entry"])["fast"])
	words = appendTimes(words, "us", membersOf(row["provider_specific_entry"])["us"])
	words = appendOffPeak(words, row["off_peak_pricing"])
	if row["output_cost_per_image"] == nil && isImageMode[string(row["mode"])] && row["input_cost_per_token"] == nil {
		words = appendWord(words, "", "per_image", row["input_cost_per_image"], 0) // where it is of images that are made, too
	}
	words = appendSearches(words, ours, model, row)
	if string(row["mode"]) != `"moderation"` && allFree(words) || len(words) == 0 {
		return
	}
	f.put(ours, model, appendMost(words, row["max_output_tokens"]))
}

func allFree(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.HasSuffix(w, "=0") })
}

// modelsDevMembers are in dollars per million tokens.
var modelsDevMembers = map[string]string{
	"input": "input", "output": "output", "cache_read": "cached", "cache_write": "cache_write", "reasoning": "reasoning", "input_audio": "audio_input", "output_audio": "audio_output",
}

func (f foreign) modelsDev(provider, model string, raw json.RawMessage) {
	ours, known := modelsDevProviders[provider]
	row := membersOf(raw)
	cost := membersOf(row["cost"])
	if !known || cost == nil {
		return
	}
	prices := func(words []string, tier string, of map[string]json.RawMessage) []string {
		for key, name := range modelsDevMembers {
			words = appendWord(words, tier, name, of[key], 0)
		}
		return words
	}
	words := prices(nil, "", cost)
	var tiers []struct {
		Tier struct {
			Type string `json:"type"`
			Size int64  `json:"size"`
		} `json:"tier"`
	}
	var each []json.RawMessage
	if json.Unmarshal(cost["tiers"], &tiers) == nil && json.Unmarshal(cost["tiers"], &each) == nil {
		for i, t := range tiers {
			if t.Tier.Type == "context" && t.Tier.Size > 0 {
				words = prices(words, ">"+strconv.FormatInt(t.Tier.Size, 10), membersOf(each[i]))
			}
		}
	}
	if over := membersOf(cost["context_over_200k"]); over != nil && len(tiers) == 0 {
		words = prices(words, ">200000", over)
	}
	if len(words) == 0 || allFree(words) {
		return
	}
	f.put(ours, model, appendMost(words, membersOf(row["limit"])["output"]))
}

// membersOf are the members of an object; nil if it is none, or longer than any entry.
func membersOf(raw json.RawMessage) (members map[string]json.RawMessage) {
	if len(raw) > mostEntry || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) || json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// unreadable is the word of an entry with a price that is none, such as one below zero. No such entry can be parsed, so
// it is left out: without that price, what it is of would be free.
const unreadable = "?"

// appendWord adds a member's price, which is in dollars of one, or of a million where scale is 0; nothing if it is not
// there.
func appendWord(words []string, tier, name string, value json.RawMessage, scale int) []string {
	text, ok := exact(string(value), scale, Places(strings.SplitN(name, "/", 2)[0]))
	if !ok && len(value) > 0 && string(value) != "null" {
		return append(words, unreadable)
	}
	if !ok {
		return words
	}
	if tier != "" {
		tier += ":"
	}
	return append(words, tier+name+"="+text)
}

// appendTimes adds what tokens cost in circumstances in which all of them cost so many times as much: Anthropic's fast
// mode, and a model that runs in one place alone, which is beside that.
func appendTimes(words []string, service string, times json.RawMessage) []string {
	text, ok := exact(string(times), 0, 3)
	n, is := new(big.Rat).SetString(text)
	if !ok || !is || n.Sign() == 0 {
		return words
	}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		tier, _, tiered := strings.Cut(name, ":")
		usual, is := new(big.Rat).SetString(value)
		switch {
		case !is:
			continue
		case !tiered:
			name = service + ":" + name
		case tier[0] == '>':
			name = service + name
		case service == "us" && (tier == "fast" || strings.HasPrefix(tier, "fast>")):
			name = "fast+us" + name[len("fast"):]
		default:
			continue
		}
		words = appendWord(words, "", name, json.RawMessage(usual.Mul(usual, n).FloatString(6)), 0)
	}
	return words
}

// exact writes a number of JSON times 10^scale with so many decimals, as Amount reads it; false for what is no price.
func exact(text string, scale, places int) (string, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n < 1e6) || len(text) > 40 {
		return "", false
	}
	if n < 1e-18 { // an exponent that a fraction would need megabytes for
		return "0", true
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", false
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	text = strings.TrimRight(r.FloatString(places), "0")
	text = strings.TrimSuffix(text, ".")
	_, ok = Amount(text, places)
	return text, ok
}

// mostOutput bounds what a list may say that a model answers at most.
const mostOutput = 10_000_000

func appendMost(words []string, value json.RawMessage) []string {
	if n, err := strconv.ParseFloat(string(value), 64); err == nil && n >= 1 && n <= mostOutput {
		words = append(words, "most="+strconv.FormatInt(int64(n), 10))
	}
	return words
}
