package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// draws answers with as many images as were asked for, and tells their size and quality where the row does.
func draws(told string) func(http.ResponseWriter, seen) {
	return says(http.StatusOK, `{"created":1,`+told+`"data":[{"b64_json":"aa"}]}`)
}

// TestImagesArePricedBySizeAndQuality asks the program for images as clients do, and looks at what its books say of
// each.
func TestImagesArePricedBySizeAndQuality(t *testing.T) {
	const prices = `{model_price: {m: {per_image: {1024x1024: 0.04, hd 1024x1024: 0.08, hd: 0.12, low: 0.01, default: 0.05}}}}`
	for _, c := range []struct{ name, asked, told, want string }{
		{"asked for", `"size":"1024x1024"`, ``, "0.04"},
		{"both", `"size":"1024x1024","quality":"hd"`, ``, "0.08"},
		{"another size", `"size":"1792x1024","quality":"hd"`, ``, "0.12"},
		{"nothing", `"n":1`, ``, "0.05"},
		{"told by the answer", `"size":"auto","quality":"auto"`, `"size":"1536x1024","quality":"low",`, "0.01"},
		{"told otherwise", `"quality":"hd"`, `"size":"1024x1024","quality":"standard",`, "0.04"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.drawn = true
			s.write(file{}.text(t, inPreferences, prices))
			s.a.answer = draws(c.told)
			if a := s.post("/v1/images/generations", `{"model":"m","prompt":"a cat",`+c.asked+`}`); a.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if got := spent(s); got != c.want {
				t.Errorf("it cost %s dollars, want %s", got, c.want)
			}
		})
	}
}

// TestImagesAtOnceOverspendCreditsByOneRequestAtMost has a key with ten cents ask for fifty images at once, of four
// cents each: two are paid, and a third may go beyond what is left.
func TestImagesAtOnceOverspendCreditsByOneRequestAtMost(t *testing.T) {
	for _, c := range []struct{ name, price, asked, told string }{
		{"at one price", "{per_image: 0.04}", `"n":1`, ""},
		{"several in one", "{per_image: 0.01}", `"n":4`, ""},
		{"by quality, which the provider chooses", "{per_image: {low: 0.01, high: 0.04, default: 0.01}}", `"quality":"auto"`, `"quality":"high",`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.drawn = true
			s.write(file{keyPreferences: "{credits: 0.1}"}.text(t, inPreferences, "{model_price: {m: "+c.price+"}}"))
			const times, body = 50, `{"model":"m","prompt":"a cat",`
			come, over := make(chan int, times), make(chan bool)
			s.a.answer = func(w http.ResponseWriter, r seen) {
				come <- 0
				<-over
				n := 1
				fmt.Sscan(r.member("n"), &n)
				says(http.StatusOK, `{"created":1,`+c.told+`"data":[`+strings.TrimSuffix(strings.Repeat(`{"b64_json":"aa"},`, n), ",")+`]}`)(w, r)
			}
			s.serve()
			answered := make(chan int, times)
			for range times {
				go func() {
					req, _ := http.NewRequestWithContext(t.Context(), "POST", s.address+"/v1/images/generations", strings.NewReader(body+c.asked+"}"))
					req.Header.Set("Authorization", "Bearer "+clientKey)
					status := 0
					if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
						status = resp.StatusCode
						resp.Body.Close()
					}
					if status != http.StatusOK {
						come <- status
					}
					answered <- status
				}()
			}
			for range times { // all are refused, or with the provider
				<-come
			}
			close(over)
			counts := map[int]int{}
			for range times {
				counts[<-answered]++
			}
			if counts[http.StatusOK] != 3 || counts[http.StatusTooManyRequests] != times-3 {
				t.Errorf("of %d at once: %v", times, counts)
			}
			if a := s.post("/v1/images/generations", body+c.asked+"}"); a.StatusCode != http.StatusTooManyRequests {
				t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
			}
			if got := spent(s); got != "0.12" {
				t.Errorf("%s dollars were spent of 0.1", got)
			}
		})
	}
}
