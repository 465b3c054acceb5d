package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// priceList is a list of prices in litellm's form in which a million tokens of m cost so many dollars.
func priceList(dollars int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"m": {"litellm_provider": "openai", "input_cost_per_token": %de-6, "output_cost_per_token": 0}`, dollars)
	for i := range 20 {
		fmt.Fprintf(&b, `, "other-%d": {"litellm_provider": "openai", "input_cost_per_token": 1e-6}`, i)
	}
	return b.String() + "}"
}

// costByList is what a chat costs once the list has been read, if the file names one.
func costByList(s *stage) string {
	s.side.answers(says(http.StatusOK, priceList(500)))
	s.serve()
	if s.has {
		s.log.await(s, "list prices were read")
	}
	return cost(s)
}

// TestPriceSourceThatFailsChangesOrComesBack follows a list of prices through what may become of its server. Each step
// is a look at it, which a signal brings about; what is in force is read off the overview and off the metrics.
func TestPriceSourceThatFailsChangesOrComesBack(t *testing.T) {
	s := newStage(t)
	s.drawn, s.env = true, []string{"DISABLE_DATABASE=false"}
	list := priceList(3)
	reread := func() { s.signal(syscall.SIGHUP) }
	next := func(message string) map[string]any { // of the lines that have not been looked at
		t.Helper()
		s.log.all = nil
		return s.log.await(s, message)
	}
	serve := func() {
		s.address = ""
		s.serve()
	}
	looks := func(price, failure string) {
		t.Helper()
		overview := s.send(http.MethodGet, "/v1/overview", "").body
		if !strings.Contains(overview, `"price":"`+price) || !strings.Contains(overview, `"error":"`+failure) || failure == "" && !strings.Contains(overview, `"error":""`) {
			t.Errorf("want %s and %q: %s", price, failure, overview)
		}
		good := "\nuniapi_price_source_successful 1\n"
		if failure != "" {
			good = "\nuniapi_price_source_successful 0\n"
		}
		if !strings.Contains(s.send(http.MethodGet, "/metrics", "").body, good) {
			t.Errorf("the metrics do not say%s", good)
		}
	}
	const read, failed = "list prices were read", "price_source cannot be used; the prices in force stay"

	s.write(file{}.text(t, inPreferences, "{price_source: $SIDE/prices.json}"))
	if printed, code := s.check(); code != 0 || !strings.Contains(printed, "nothing is kept yet of price_source "+s.side.url) {
		t.Errorf("check before anything: %d %s", code, printed)
	}
	s.side.answers(fails(500, "out of order"))
	serve()
	s.log.await(s, failed)
	looks("1,2,1,1", "the server answered 500")
	s.side.answers(says(http.StatusOK, list))
	reread()
	next(read)
	looks("3,0,3,3", "")
	s.side.answers(says(http.StatusOK, "<html>moved</html>"))
	reread()
	next(failed)
	looks("3,0,3,3", "it is no JSON object")
	s.side.answers(says(http.StatusOK, priceList(4)))
	reread()
	next(read)
	looks("4,0,4,4", "")
	if printed, code := s.check(); code != 0 || !strings.Contains(printed, "list prices: 21 of 2") || !strings.Contains(printed, "a/m: 4,0,4,4 (price_source of 2") {
		t.Errorf("check of what is kept: %d %s", code, printed)
	}
	s.stop()

	s.side.answers(fails(503, "gone")) // a start without it
	serve()
	s.log.await(s, failed)
	looks("4,0,4,4", "the server answered 503")
	// A reload that pins another list leaves the one in force, until that is there.
	s.write(file{}.text(t, inPreferences, fmt.Sprintf("{price_source: {url: $SIDE/prices.json, sha256: %x}}", sha256.Sum256([]byte(list)))))
	s.side.answers(says(http.StatusOK, priceList(5)))
	reread()
	next(failed)
	looks("4,0,4,4", "it is another than the one that price_source pins")
	s.side.answers(says(http.StatusOK, list))
	reread()
	next(read)
	looks("3,0,3,3", "")
	// A file, and none.
	path := filepath.Join(s.dir, "prices.json")
	if err := os.WriteFile(path, []byte(priceList(6)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.write(file{}.text(t, inPreferences, "{price_source: prices.json}"))
	if printed, code := s.check(); code != 0 || !strings.Contains(printed, "a/m: 6,0,6,6 (price_source of 2") {
		t.Errorf("check of a file: %d %s", code, printed)
	}
	reread()
	next(read)
	next("the configuration was reloaded")
	looks("6,0,6,6", "")
	s.write(file{}.text(t, inPreferences, "{}"))
	reread()
	next("the configuration was reloaded")
	looks("1,2,1,1", "")
	s.stop()
}
