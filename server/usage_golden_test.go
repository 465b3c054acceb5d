package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/trigger"
	"uniapi/config"
	"uniapi/usage"
)

// TestUsageOfEachFormatBecomesTokensAndACost reads an answer of each format, and looks at what it is counted as and
// what that costs: by the list prices of the provider it is from, or by an entry of the file's own.
func TestUsageOfEachFormatBecomesTokensAndACost(t *testing.T) {
	files, err := filepath.Glob("testdata/usage/*.json")
	if err != nil || len(files) < 8 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var golden struct {
				Format, Host, Model string
				Price               json.RawMessage
				Answer              json.RawMessage
				Tokens              usage.Tokens
				Nano                int64
				At                  time.Time // when the request ended, where the price depends on that
				Search              string    // what the request says of searches, where it depends on that
				Service             string    // the service tier that it asks for; that which the answer tells counts before it
			}
			text, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(text, &golden)
			}
			if err != nil {
				t.Fatal(err)
			}
			own := ""
			if golden.Price != nil {
				own = fmt.Sprintf(`preferences: {model_price: {%q: %s}}`, golden.Model, golden.Price)
			}
			host := golden.Host
			if host == "" {
				host = "h.example"
			}
			cfg, err := config.Parse("api.yaml", fmt.Appendf(nil, "providers: [{provider: p, base_url: 'https://%s/v1', api: k, model: [%q]}]\napi_keys: [{api: sk-0123456789abcdef}]\n%s\n", host, golden.Model, own), nil)
			if err != nil {
				t.Fatal(err)
			}
			u, err := checked(golden.Format, golden.Answer)
			if err != nil {
				t.Fatal(err)
			}
			tokens := usage.Booked(u)
			if tokens != golden.Tokens {
				t.Errorf("counted as\n%+v, want\n%+v", tokens, golden.Tokens)
			}
			tokens.At, tokens.Search, tokens.Service = golden.At.Unix(), golden.Search, cmp.Or(u.Tier, golden.Service)
			if tokens.Service == codec.UsualTier {
				tokens.Service = ""
			}
			priced := cfg.PriceOf(cfg.Providers[0], golden.Model, "")
			if nano := usage.Cost(priced.Price, tokens); nano != golden.Nano {
				t.Errorf("it costs %d by %+v, want %d", nano, priced, golden.Nano)
			}
		})
	}
}

// checked is what a whole answer tells of its usage: one of a conversation in a format, or another endpoint's.
func checked(format string, body []byte) (codec.Usage, error) {
	f := formats.All[format]
	if f == nil {
		return codec.CheckObject(body)
	}
	whole, err := f.DecodeResponse(body)
	if err != nil {
		return codec.Usage{}, err
	}
	return whole.Usage, trigger.Check(whole, nil)
}
