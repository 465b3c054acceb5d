package server

import (
	"reflect"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
)

// What a provider's host is known for is not another's whose format is the same.
func TestWhatIsKnownOfAHostIsNotTakenForAnothers(t *testing.T) {
	const plain = "  - {provider: plain, base_url: http://127.0.0.1:9/v1, api: k, model: [m, mistral-large: l]}\n"
	properties := make(map[string]codec.Properties)
	for name, f := range formats.All {
		properties[name] = *f.Properties()
	}
	knownOf := func(t *testing.T, providers ...string) map[string][]capability.Target {
		server, err := New(Options{Config: parseConfig(t, providers...)})
		if err != nil {
			t.Fatal(err)
		}
		backends, known := server.snapshot.Load().backends, make(map[string][]capability.Target)
		suits := backends[len(backends)-1].suits
		for model := range suits {
			for _, s := range suits.of(model) {
				known[model] = append(known[model], *s.target)
			}
		}
		return known
	}
	alone := knownOf(t, plain)
	if len(alone["m"]) == 0 || len(alone["l"]) == 0 {
		t.Fatalf("%+v is known", alone)
	}
	for _, engine := range []string{"openrouter", "azure"} {
		t.Run("beside "+engine, func(t *testing.T) {
			other := "  - {provider: other, base_url: 'http://127.0.0.1:9/v1', engine: " + engine + ", api: k, model: [m, mistral-large: l]}\n"
			if beside := knownOf(t, other, plain); !reflect.DeepEqual(beside, alone) {
				t.Errorf("of the plain one %+v is known, and %+v where it is alone", beside, alone)
			}
			for name, f := range formats.All {
				if !reflect.DeepEqual(*f.Properties(), properties[name]) {
					t.Errorf("what %s says of itself was changed", name)
				}
			}
		})
	}
}
