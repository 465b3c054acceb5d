package server

import "testing"

// TestWhatIsGoneOnWithCostsWhatEachProviderAsks has a cheap provider break off, and a dear one go on, fail, or be left
// by the client.
func TestWhatIsGoneOnWithCostsWhatEachProviderAsks(t *testing.T) {
	const cheap, dear = "    preferences: {model_price: {m: '1,1'}}\n", "    preferences: {model_price: {m: '1000,1000'}}\n"
	counted := chunk(event("one two three") + usageEvent)
	for _, c := range []struct {
		name          string
		first, second func(when <-chan bool) script
		prompt        int64 // what the books have of the prompts and the answers of both, where they are counted
		completion    int64
		most          int64 // nano-dollars
	}{
		{"the dear one goes on", playingUntil(streamHead + counted), endsWell(" four"), 22, 14, 18*1_000 + 18*1_000_000},
		{"the dear one fails", playingUntil(streamHead + counted), playing(reply(500, jsonKind, errorBody("no"))), 11, 7, 18 * 1_000},
		{"the dear one is not to be reached", playingUntil(streamHead + counted), func(<-chan bool) script { return func(p *peer, _ seen) bool { p.reset(); return false } }, 11, 7, 18 * 1_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			when := make(chan bool)
			s := &stage{gateway: start(t, providerOf("first", listen(t, c.first(when)), cheap), providerOf("second", listen(t, c.second(when)), dear), goOnAll, inOrderKey)}
			got := s.charge(func() { listeners[0].ask(s.gateway, when, "three") })
			if got.prompt != c.prompt || got.completion != c.completion || got.estimated || got.nano != c.most {
				t.Errorf("%+v, want %d and %d for %d", got, c.prompt, c.completion, c.most)
			}
		})
	}
}
