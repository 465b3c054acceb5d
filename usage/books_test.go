package usage

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

const secret = "sk-0123456789abcdefghij"

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func open(t testing.TB, o Options) *Books {
	t.Helper()
	if o.Log == nil {
		o.Log = quiet
	}
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func sample(tokens, cost int64) Sample {
	return Sample{Success: true, Tokens: Tokens{Prompt: tokens, Completion: tokens}, Cost: cost, TTFT: time.Millisecond, Duration: time.Second}
}

func configure(t testing.TB, b *Books, credits *int64, created *time.Time) *Key {
	t.Helper()
	if err := b.Configure([]Terms{{Secret: secret, Alias: "tester", Credits: credits, CreatedAt: created}}); err != nil {
		t.Fatal(err)
	}
	return b.Key(secret)
}

func countedIn(b *Books) (requests, tokens int64) {
	for _, u := range b.TokenUsage("", "", time.Unix(0, 0), time.Now().Add(time.Hour)) {
		requests += u.Requests
		tokens += u.Total
	}
	return requests, tokens
}

func TestWhatWasCountedIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	k := configure(t, b, nil, nil)
	for range 3 {
		k.Series("p", "m", "POST /v1/x").Record(sample(5, 100))
	}
	k.Series("p", "m", "POST /v1/x").Record(Sample{})
	b.Attempt("p", "m", "sk-…1", true)
	b.Attempt("p", "m", "sk-…2", false)
	b.Seen(netip.MustParseAddr("127.0.0.1"))
	for range 2 { // before and after
		if n, tokens := countedIn(b); n != 3 || tokens != 30 {
			t.Errorf("%d requests, %d tokens", n, tokens)
		}
		s := b.Stats(1)
		if len(s.Channel) != 1 || s.Channel[0].Rate != 0.5 || s.Models[0] != (ModelCount{"m", 4}) || s.Endpoints[0].Count != 4 || s.Addresses[0] != (AddressCount{"127.0.0.1", 1}) {
			t.Errorf("%+v", s)
		}
		rank := b.KeyRankings("p", time.Now().Add(-time.Hour), time.Now())
		if len(rank) != 2 || rank[0].Total != 1 {
			t.Errorf("%+v", rank)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = open(t, Options{Dir: dir})
		configure(t, b, nil, nil)
	}
	raw, err := os.ReadFile(filepath.Join(dir, ledgerFile))
	if err != nil || strings.Contains(string(raw), secret) {
		t.Errorf("the ledger holds the key, or cannot be read: %v", err)
	}
}

// A connection's requests mostly go where the one before went, but any of them may go elsewhere.
func TestWhoRemembersTheLastSeriesCountsAsIfItDidNot(t *testing.T) {
	straight, remembering := open(t, Options{Memory: true}), open(t, Options{Memory: true})
	random := rand.New(rand.NewPCG(1, 2))
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	var recent Recent
	secret, provider, model, endpoint, masked, addr := "k1", "p1", "m1", "e1", "", netip.MustParseAddr("127.0.0.1")
	for range 2000 {
		switch random.IntN(8) { // the others stay
		case 0:
			secret = one("k1", "k2")
		case 1:
			provider = one("p1", "p2")
		case 2:
			model = one("m1", "m2")
		case 3:
			endpoint = one("e1", "e2")
		case 4:
			masked = one("", "sk-…1", "sk-…2")
		case 5:
			addr = netip.MustParseAddr(one("127.0.0.1", "::1", "::ffff:127.0.0.1"))
		}
		straight.Key(secret).Series(provider, model, endpoint).Record(sample(3, 0))
		success := random.IntN(2) == 0
		straight.Attempt(provider, model, masked, success)
		straight.Seen(addr)
		recent.Series(remembering.Key(secret), provider, model, endpoint).Record(sample(3, 0))
		recent.Attempt(remembering, provider, model, masked, success)
		recent.Seen(remembering, addr)
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	told := func(b *Books) string {
		return fmt.Sprint(b.Stats(1), b.TokenUsage("", "", from, to), b.KeyRankings("p1", from, to), b.KeyRankings("p2", from, to))
	}
	if got, want := told(remembering), told(straight); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// fill makes a ledger with a few pages in it.
func fill(t *testing.T, dir string) {
	b := open(t, Options{Dir: dir})
	k := b.Key(secret)
	for n := range 2000 {
		k.Series("provider", fmt.Sprintf("model-%d", n), "POST /v1/x").Record(sample(5, 100))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerInUseOrDamagedIsAClearError(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir, Log: quiet}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("in use: %v", err)
	}
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, ledgerFile), []byte(strings.Repeat("no ledger ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: bad, Log: quiet}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	for name, harm := range map[string]func([]byte) []byte{
		"cut off":               func(b []byte) []byte { return b[:len(b)/2] },
		"pages written over":    func(b []byte) []byte { copy(b[8192:], strings.Repeat("x", len(b)-8192)); return b },
		"a page of zeros first": func(b []byte) []byte { clear(b[:8192]); return b },
	} {
		harmed := t.TempDir()
		fill(t, harmed)
		path := filepath.Join(harmed, ledgerFile)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, harm(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Options{Dir: harmed, Log: quiet}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file, Log: quiet}); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("no folder: %v", err)
	}
}

func TestKeysAreShownWithoutGivingThemAway(t *testing.T) {
	for key, want := range map[string]string{"sk-0123456789abcdefghij": "sk-0123...ghij", "sk-short": "sk...", "": "..."} {
		if got := shown(key); got != want {
			t.Errorf("%q is shown as %q, want %q", key, got, want)
		}
	}
	for nano, want := range map[int64]string{0: "$0.00", 1_250_000_000: "$1.25", 1: "$0.000000001", -500_000_000: "$-0.50"} {
		if got := Dollars(nano); got != want {
			t.Errorf("%d is %s, want %s", nano, got, want)
		}
	}
}

func BenchmarkAccounting(b *testing.B) {
	books := open(b, Options{Memory: true})
	credits := int64(math.MaxInt64 / 2)
	key := configure(b, books, &credits, nil)
	prices := NewPrices(&config.Config{})
	addr := netip.MustParseAddr("127.0.0.1")
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		var recent Recent
		s := sample(10, 0)
		for p.Next() {
			key.Reserve(context.Background(), 10)
			s.Cost = Cost(prices.Of(nil, "m", "").Price, s.Tokens)
			recent.Series(key, "provider", "model", "POST /v1/chat/completions").Record(s)
			recent.Parts(key, "provider", "model", "POST /v1/chat/completions", &s.Tokens, s.Cost)
			recent.Attempt(books, "provider", "model", "sk-…1", true)
			recent.Seen(books, addr)
			key.Settle(10, s.Cost)
		}
	})
}
