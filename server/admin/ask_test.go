package admin

import (
	"testing"
	"time"

	"uniapi/codec"

	"github.com/valyala/fasthttp"
)

func TestAskingsGoOneAfterTheOtherWithAPauseBetween(t *testing.T) {
	a := askings{every: askingEvery}
	now := time.Now()
	if wait, in := a.begin(now); !in {
		t.Fatalf("the first waits %v", wait)
	}
	if wait, in := a.begin(now.Add(longestAsking)); in || wait <= 0 {
		t.Errorf("another begins beside it, wait %v", wait)
	}
	a.end(now.Add(time.Second))
	if wait, in := a.begin(now.Add(2 * time.Second)); in || wait != askingEvery-time.Second {
		t.Errorf("the next begins at once, wait %v", wait)
	}
	if wait, in := a.begin(now.Add(time.Second + askingEvery)); !in {
		t.Errorf("after the pause it waits %v", wait)
	}
}

func TestProvidersAreAskedOnlyOfThoseWhoCanPayAndNotAtOnceAgain(t *testing.T) {
	g := &gateway{answers: []Asked{{Provider: "p", Key: "sk-...1", Model: "m", Good: true, Status: 200}, {Provider: "p", Error: "no such key", Status: 401}}}
	a := newAPI(t, g)
	ask := func(query string) (*codec.Error, string, string) {
		ctx := asks(fasthttp.MethodPost, "/v1/channels/ask"+query)
		g.told = nil
		a.askChannels(ctx, a.caller())
		return g.told, string(ctx.Response.Body()), string(ctx.Response.Header.Peek(fasthttp.HeaderRetryAfter))
	}
	if told, _, _ := ask("?provider=nobody"); told == nil || told.Code != "channel_not_found" {
		t.Errorf("an unknown provider: %v", told)
	}
	const want = `{"asked":[{"provider":"p","key":"sk-...1","model":"m","good":true,"status":200,"seconds":0},{"provider":"p","good":false,"status":401,"seconds":0,"error":"no such key"}]}`
	if told, body, _ := ask("?provider=p"); told != nil || body != want {
		t.Errorf("%v %s", told, body)
	}
	if told, _, after := ask("?provider=p"); told == nil || told.Status != 429 || after != "5" {
		t.Errorf("at once again: %v, to come back after %q", told, after)
	}
	a.askings.end(time.Now().Add(-askingEvery))
	if told, body, _ := ask(""); told != nil || body != want {
		t.Errorf("after the pause: %v %s", told, body)
	}
}
