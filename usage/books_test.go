package usage

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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

func total(b *Books) (requests, tokens int64) {
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
		if n, tokens := total(b); n != 3 || tokens != 30 {
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

func TestALedgerInUseOrDamagedIsAClearError(t *testing.T) {
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
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file, Log: quiet}); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("no folder: %v", err)
	}
}

// fullDisk is a store that cannot be written while it is full.
type fullDisk struct {
	store
	full atomic.Bool
}

var errFull = errors.New("no space left on device")

func (f *fullDisk) add(minute int64, rows []row) error {
	if f.full.Load() {
		return errFull
	}
	return f.store.add(minute, rows)
}

func TestAFullDiskLosesNothing(t *testing.T) {
	b := open(t, Options{Memory: true})
	disk := &fullDisk{store: newMemory()}
	b.folding.Lock()
	b.store = disk
	b.folding.Unlock()
	k := configure(t, b, nil, nil)
	disk.full.Store(true)
	for range 10 {
		k.Series("p", "m", "e").Record(sample(1, 1))
		if err := b.fold(); !errors.Is(err, errFull) || !errors.Is(b.Health(), errFull) {
			t.Fatalf("%v, %v", err, b.Health())
		}
	}
	if n, _ := total(b); n != 10 {
		t.Errorf("%d requests are seen while the disk is full", n)
	}
	disk.full.Store(false)
	if err := b.fold(); err != nil || b.Health() != nil {
		t.Fatalf("%v, %v", err, b.Health())
	}
	if n, _ := total(b); n != 10 {
		t.Errorf("%d requests afterwards", n)
	}
}

func TestMinutesBecomeHoursAndOldOnesAreForgotten(t *testing.T) {
	for kind, s := range map[string]store{"memory": newMemory(), "ledger": func() store {
		l, err := openLedger(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.close() })
		return l
	}()} {
		t.Run(kind, func(t *testing.T) {
			n := func(model string) []row {
				r := row{name: seriesName("p", model)}
				r.Row[requests] = 1
				return []row{r}
			}
			for minute := int64(600); minute < 800; minute++ {
				for _, model := range []string{"a", "b"} {
					if err := s.add(minute, n(model)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 2 { // the second time there is nothing to do
				if err := s.compact(725, 660); err != nil {
					t.Fatal(err)
				}
			}
			at := map[int64]int64{}
			s.scan(ofRequests, 0, forever, func(minute int64, _ name, r *Row) { at[minute] += r[requests] })
			if at[600] != 0 || at[660] != 120 || at[720] != 10 || at[725] != 2 || at[799] != 2 {
				t.Errorf("%v", at)
			}
		})
	}
}

func seriesName(provider, model string) name { return name{ofRequests, "k", provider, model, "e"} }

func TestCreditsCannotBeOverspentByMoreThanWhatIsInFlight(t *testing.T) {
	b := open(t, Options{Memory: true})
	credits := int64(1_000_000)
	k := configure(t, b, &credits, nil)
	const each, atOnce = 1_000, 50
	var all sync.WaitGroup
	var served, spent atomic.Int64
	gate := make(chan struct{}, atOnce)
	for range 10_000 {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if !k.Reserve(each / 10) {
				return
			}
			served.Add(1)
			spent.Add(each)
			k.Settle(each/10, each)
		})
	}
	all.Wait()
	if over := spent.Load() - credits; over < 0 || over > atOnce*each {
		t.Errorf("%d requests spent %d of %d", served.Load(), spent.Load(), credits)
	}
	if k.reserved.Load() != 0 || !k.Broke() {
		t.Errorf("%d are still reserved; broke: %v", k.reserved.Load(), k.Broke())
	}
}

func TestCreditsRunOutAndCanBeAdded(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	credits := int64(1_500_000_000)
	k := configure(t, b, &credits, nil)
	spend := func() bool {
		if !k.Reserve(1000) {
			return false
		}
		k.Series("p", "m", "e").Record(sample(1, 1_000_000_000))
		k.Settle(1000, 1_000_000_000)
		return true
	}
	if first, second, third := spend(), spend(), spend(); !first || !second || third {
		t.Fatal("two dollars of one and a half may be spent, since the second began in time, and no third")
	}
	if _, known, err := b.AddCredits("sk-unknown", 1); known || err != nil {
		t.Errorf("an unknown key: %v, %v", known, err)
	}
	state, known, err := b.AddCredits(secret, 5_000_000_000)
	if !known || err != nil || !state.Enabled || state.Balance != 4_500_000_000 {
		t.Fatalf("%+v, %v, %v", state, known, err)
	}
	b.Close()
	b = open(t, Options{Dir: dir})
	k = configure(t, b, &credits, nil)
	if state, _ := b.State(secret); state.Cost != 2 || state.Balance != 4_500_000_000 || !spend() {
		t.Errorf("after a restart: %+v", state)
	}
	later := time.Now().Add(time.Hour)
	configure(t, b, &credits, &later)
	if state, _ := b.State(secret); state.Cost != 0 {
		t.Errorf("what was spent before created_at counts: %+v", state)
	}
	none := int64(0)
	if k := configure(t, b, &none, nil); k.Reserve(0) || !k.Broke() {
		t.Error("credits: 0 does not block")
	}
}

func TestPricesGoByPrefix(t *testing.T) {
	cfg := &config.Config{}
	cfg.Preferences.ModelPrice = []config.ModelPrice{
		{Prefix: "gpt-4o", Price: config.Price{Input: 3_000_000, Output: 1_000_000, Cached: 300_000, CacheWrite: 6_000_000}},
		{Prefix: "default", Price: config.Price{Input: 5_000_000, Output: 1_000_000, Cached: 5_000_000, CacheWrite: 5_000_000}},
	}
	prices, bare := NewPrices(cfg), NewPrices(&config.Config{})
	for _, test := range []struct {
		prices *Prices
		model  string
		tokens Tokens
		want   int64
	}{
		{prices, "gpt-4o-mini", Tokens{Prompt: 1_000_000}, 3_000_000_000},
		{prices, "zzz", Tokens{Prompt: 1_000_000}, 5_000_000_000},
		{prices, "gpt-4o", Tokens{Prompt: 1000, Cached: 600, CacheWrite: 100, Completion: 10}, (300*3_000_000 + 600*300_000 + 100*6_000_000 + 10*1_000_000) / 1000},
		{prices, "gpt-4o", Tokens{Prompt: 1, Cached: 5}, 300}, // an upstream that counts badly
		{bare, "any", Tokens{Prompt: 1_000_000, Completion: 1_000_000}, 3_000_000_000},
		{prices, "zzz", Tokens{Prompt: math.MaxInt64, Completion: math.MaxInt64}, math.MaxInt64},
	} {
		if got := test.prices.Cost(test.model, test.tokens); got != test.want {
			t.Errorf("%s %+v: %d, want %d", test.model, test.tokens, got, test.want)
		}
	}
}

// TestAKilledProcessLosesAtMostTheLastSecond runs this test binary as a process that counts as fast as it can, and kills it.
func TestAKilledProcessLosesAtMostTheLastSecond(t *testing.T) {
	if dir := os.Getenv("USAGE_VICTIM"); dir != "" {
		victim(dir)
	}
	dir := t.TempDir()
	counted, countedTokens := int64(0), int64(0)
	for round := range 20 {
		child := exec.Command(os.Args[0], "-test.run", "TestAKilledProcessLosesAtMostTheLastSecond")
		child.Env = append(os.Environ(), "USAGE_VICTIM="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// The child says how much it had counted before each fold; the last thing it said is a floor.
		var said int64
		for n := 0; n <= round%4; n++ {
			if _, err := fmt.Fscanln(out, &said); err != nil {
				t.Fatal(err)
			}
		}
		child.Process.Kill()
		child.Wait()
		b := open(t, Options{Dir: dir})
		got, tokens := total(b)
		// A fold takes the fields one by one, so each has a floor of its own.
		if got < counted+said || tokens < countedTokens+2*said {
			t.Fatalf("round %d: %d requests and %d tokens in the ledger, %d were folded", round, got, tokens, counted+said)
		}
		counted, countedTokens = got, tokens
		b.Close()
	}
}

func victim(dir string) {
	b, err := Open(Options{Dir: dir, Log: quiet})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	series := b.Key(secret).Series("p", "m", "e")
	var n atomic.Int64
	go func() {
		for {
			series.Record(sample(1, 1))
			n.Add(1)
		}
	}()
	for {
		before := n.Load()
		if b.fold() == nil {
			fmt.Println(before)
		}
	}
}

func TestKeysAreShownWithoutGivingThemAway(t *testing.T) {
	for key, want := range map[string]string{"sk-0123456789abcdefghij": "sk-0123...ghij", "sk-short": "sk...", "": "..."} {
		if got := shown(key); got != want {
			t.Errorf("%q is shown as %q, want %q", key, got, want)
		}
	}
	for nano, want := range map[int64]string{0: "$0.00", 1_250_000_000: "$1.25", 1: "$0.000000001", -500_000_000: "-$0.50"} {
		if got := Dollars(nano); got != want {
			t.Errorf("%d is %s, want %s", nano, got, want)
		}
	}
}

func FuzzRow(f *testing.F) {
	f.Add((&Row{1, 2, 3}).append(nil), seriesName("p", "m").String())
	f.Add([]byte{0xff}, "r")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if r, err := readRow(data); err == nil {
			if again, err := readRow(r.append(nil)); err != nil || again != r {
				t.Fatalf("%v became %v, %v", r, again, err)
			}
		}
		if n, err := readName(text); err == nil && n.String() != text {
			t.Fatalf("%q became %q", text, n.String())
		}
	})
}

func BenchmarkAccounting(b *testing.B) {
	books := open(b, Options{Memory: true})
	credits := int64(math.MaxInt64 / 2)
	key := configure(b, books, &credits, nil)
	prices := NewPrices(&config.Config{})
	addr := netip.MustParseAddr("127.0.0.1")
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		s := sample(10, 0)
		for p.Next() {
			key.Reserve(10)
			s.Cost = prices.Cost("m", s.Tokens)
			key.Series("provider", "model", "POST /v1/chat/completions").Record(s)
			books.Attempt("provider", "model", "sk-…1", true)
			books.Seen(addr)
			key.Settle(10, s.Cost)
		}
	})
}
