//go:build cluster

package usage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/usage/postgrestest"
)

func exported(t testing.TB, o Options) string {
	t.Helper()
	o.Log = quiet
	var out bytes.Buffer
	if err := Export(o, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// filled makes a ledger of three days in a file, around the turn of a month.
func filled(t testing.TB, dir string) {
	t.Helper()
	c := newClock() // the books look at it by themselves, too
	c.at.Store(monthOf(time.Now().Add(-3 * 24 * time.Hour).Unix()).Add(-40 * time.Hour).Unix())
	b := open(t, Options{Dir: dir, Now: c.now})
	c.books = b
	configure(t, b, nil, nil)
	for i := range 40 {
		for range 3 {
			b.Key(secret).Series("p", fmt.Sprint("m", i%4), "POST /v1/chat/completions").Record(sample(int64(i), int64(i*7)))
			b.Attempt("p", "m\x00é", "sk-…", i%3 > 0)
		}
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		c.advance(113 * time.Minute)
	}
	for i := range 3 {
		if _, _, err := b.AddCredits(secret, Correction{Nano: int64(i + 1), Note: "<é>\x00"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerGoesFromAFileToTablesAndBackWithoutLoss(t *testing.T) {
	server := postgrestest.Start(t)
	file, again := t.TempDir(), t.TempDir()
	filled(t, file)
	was := exported(t, Options{Dir: file})
	if n := strings.Count(was, "\n"); n < 100 {
		t.Fatalf("only %d lines:\n%s", n, was)
	}
	tables := Options{Database: server.Books(), Instance: "one", Log: quiet}
	if _, err := Restore(tables, strings.NewReader(was)); err != nil {
		t.Fatal(err)
	}
	common := exported(t, Options{Database: server.Books(), Instance: "another"})
	if got := strings.ReplaceAll(common, `"instance":"one",`, ""); got != was {
		t.Errorf("of %d lines the tables give %d, not the same", strings.Count(was, "\n"), strings.Count(got, "\n"))
	}
	if _, err := Restore(tables, strings.NewReader(was)); !errors.Is(err, errNotEmpty) {
		t.Errorf("it is taken again: %v", err)
	}
	if _, err := Restore(Options{Dir: again, Log: quiet}, strings.NewReader(common)); err != nil {
		t.Fatal(err)
	}
	if got := exported(t, Options{Dir: again}); got != was {
		t.Errorf("back in a file it is not the same: %d and %d bytes", len(got), len(was))
	}
	// A second machine's file goes beside the first.
	if _, err := Restore(Options{Database: server.Books(), Instance: "two", Log: quiet}, strings.NewReader(was)); err != nil {
		t.Fatal(err)
	}
	m := joinLedger(t, Options{Database: server.Books(), Instance: "three"})
	if got := inTables(t, m, ofRequests); got[requests] != 240 {
		t.Errorf("of 240 requests there are %d", got[requests])
	}
	configure(t, m.Books, nil, nil)
	if list, _, err := m.Corrections(secret); err != nil || len(list) != 6 || list[0].Note != "<é>\x00" {
		t.Errorf("%v: %+v", err, list)
	}
}

// TestInstancesMayBeDifferentUsersOfTheDatabase has the tables of one user, and another one that was granted to be as
// that. Neither needs rights on a part that the other one has made.
func TestInstancesMayBeDifferentUsersOfTheDatabase(t *testing.T) {
	server := postgrestest.Start(t)
	dir := t.TempDir()
	filled(t, dir)
	was := exported(t, Options{Dir: dir})
	joinLedger(t, Options{Database: server.Books(), Instance: "one"})
	server.SQL("postgres", "CREATE ROLE second LOGIN PASSWORD 'second' IN ROLE gate")
	asSecond := server.URL("second", "second", "books")
	if _, err := Restore(Options{Database: asSecond, Instance: "two", Log: quiet}, strings.NewReader(was)); err != nil {
		t.Fatalf("the second user: %v", err)
	}
	owners := "SELECT string_agg(DISTINCT pg_get_userbyid(relowner)::text, ' ') FROM pg_class WHERE relkind = 'r' AND relispartition AND relnamespace = 'uniapi'::regnamespace"
	if got := server.SQL("books", owners); got != "gate" {
		t.Errorf("parts belong to %s", got)
	}
	// As versions before left them: a part is of whoever has made it.
	for _, part := range strings.Fields(server.SQL("books", "SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relkind = 'r' AND relispartition AND relnamespace = 'uniapi'::regnamespace")) {
		server.SQL("books", "ALTER TABLE "+part+" OWNER TO second")
	}
	if _, err := Restore(Options{Database: server.Books(), Instance: "three", Log: quiet}, strings.NewReader(was)); err != nil {
		t.Errorf("the first user, into parts of the second: %v", err)
	}
	m := joinLedger(t, Options{Database: asSecond, Instance: "four"})
	m.count(1, paid)
	soon(t, "the second user delivers", func() bool { return inTables(t, m, ofRequests)[requests] == 241 })
}

// TestExportOfManyInstancesAsksLittleOfEach counts how often the tables are looked through, for nothing is delivered
// meanwhile.
func TestExportOfManyInstancesAsksLittleOfEach(t *testing.T) {
	server := postgrestest.Start(t)
	file := t.TempDir()
	filled(t, file)
	lines := strings.SplitAfter(exported(t, Options{Dir: file}), "\n")
	if _, err := Restore(Options{Database: server.Books(), Instance: "one", Log: quiet}, strings.NewReader(lines[0]+ofInstances(lines[1], 200))); err != nil {
		t.Fatal(err)
	}
	soon(t, "what was asked is told", func() bool {
		looked := `SELECT coalesce(sum(seq_scan + idx_scan), 0)::text FROM pg_stat_user_tables WHERE schemaname = 'uniapi' AND relname ~ '^(minutes|hours|days|key_days)'`
		n, err := strconv.Atoi(server.SQL("books", looked))
		if n > 10*200 {
			t.Fatalf("of 200 instances the tables were looked through %d times", n)
		}
		return err == nil && n >= 200
	})
}

// TestDamageFillsNoMemoryOfWhatExportsOrImports has rows of numbers that no series has.
func TestDamageFillsNoMemoryOfWhatExportsOrImports(t *testing.T) {
	server := postgrestest.Start(t)
	m := joinLedger(t, Options{Database: server.Books(), Instance: "one"})
	m.count(3, paid)
	soon(t, "it is delivered", func() bool { return inTables(t, m, ofRequests)[requests] == 3 })
	const many = 2 << 20
	batch := binary.AppendUvarint([]byte{batchVersion}, many)
	batch = append(append(batch, bytes.Repeat([]byte{1}, many)...), 0) // each the next number
	spoil(t, m, `INSERT INTO uniapi.minutes SELECT min(at), 'r', 1, 99999, $1 FROM uniapi.minutes`, batch)
	cfg, err := config.Parse("api.yaml", []byte("providers: [{provider: openai, base_url: http://127.0.0.1:9/v1, api: k, model: [gpt]}]\napi_keys: [{api: "+secret+"}]"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Database: server.Books(), Instance: "one", Log: quiet}
	for name, do := range map[string]func() error{
		"export": func() error { return Export(o, new(bytes.Buffer)) },
		"reprice": func() error {
			_, err := Reprice(o, cfg, RepriceOptions{From: time.Now().Add(-24 * time.Hour), To: time.Now().Add(24 * time.Hour)})
			return err
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := do()
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 200<<20 {
			t.Errorf("%s took %d bytes", name, after.TotalAlloc-before.TotalAlloc)
		}
		if name == "export" && (err == nil || !strings.Contains(err.Error(), "of instance 1 in the table uniapi.minutes")) {
			t.Errorf("%s: %v", name, err)
		}
		if got := inTables(t, m, ofRequests); got[requests] != 3 {
			t.Errorf("after %s there are %v", name, got)
		}
	}
}

func TestRestoreSaysWhatIsWrongWithAFile(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	lines := strings.SplitAfter(exported(t, Options{Dir: dir}), "\n")
	for name, text := range map[string]string{
		"nothing":        "",
		"no head":        lines[1],
		"two heads":      lines[0] + lines[0],
		"another's":      strings.Replace(lines[0], "uni-api", "other", 1),
		"no JSON":        lines[0] + "{",
		"a broken count": lines[0] + strings.Replace(lines[1], `"requests":`, `"requests":-`, 1),
		"no such column": lines[0] + strings.Replace(lines[1], `"requests":`, `"hopes":`, 1),
		"a broken time":  lines[0] + strings.Replace(lines[1], `:00Z"`, `:01Z"`, 1),
		"an empty line":  lines[0] + "{}\n",
	} {
		to := t.TempDir()
		if _, err := Restore(Options{Dir: to, Log: quiet}, strings.NewReader(text)); err == nil {
			t.Errorf("%s: it is taken", name)
		}
		if got := exported(t, Options{Dir: to}); strings.Contains(got, `"span"`) {
			t.Errorf("%s: something was taken: %s", name, got)
		}
	}
}

func TestRepriceAndImportWorkInTheTablesOfARunningFleet(t *testing.T) {
	server := postgrestest.Start(t)
	m := joinLedger(t, Options{Database: server.Books(), Instance: "one"})
	credits := int64(1e12)
	k := configure(t, m.Books, &credits, nil)
	k.Series("openai", "gpt", "POST /v1/chat/completions").Record(Sample{Success: true, Tokens: Tokens{Prompt: 1_000_000}, Cost: 5})
	k.Spend(5)
	soon(t, "it is delivered", func() bool { return inTables(t, m, ofKeys)[cost] == 5 })
	cfg, err := config.Parse("api.yaml", []byte("providers: [{provider: openai, base_url: http://127.0.0.1:9/v1, api: k, model: [gpt], preferences: {model_price: {gpt: '3,4'}}}]\napi_keys: [{api: "+secret+"}]"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	o := Options{Database: server.Books(), Instance: "another", Log: quiet}
	list, err := Reprice(o, cfg, RepriceOptions{From: today.AddDate(0, 0, -1), To: today.AddDate(0, 0, 1)})
	if err != nil || len(list) != 1 || list[0].Is != 3e9 {
		t.Fatalf("%v: %+v", err, list)
	}
	soon(t, "the instance knows what it costs now", func() bool { return k.Left() == credits-3e9 })
	if corrections, _, err := m.Corrections(secret); err != nil || len(corrections) != 1 || corrections[0].Repriced != 3e9-5 {
		t.Errorf("%v: %+v", err, corrections)
	}
	if days, err := Daily(o, cfg, "openai", today.AddDate(0, 0, -1), today.AddDate(0, 0, 1)); err != nil || len(days) != 1 {
		t.Errorf("%v: %v", err, days)
	}
	csv := "id,endpoint,client_ip,process_time,first_response_time,provider,model,api_key,prompt_tokens,completion_tokens,timestamp\n" +
		"1,POST /v1/chat/completions,192.0.2.1,1.5,0.5,openai,gpt," + secret + ",1000000,0," + today.AddDate(0, 0, -3).Format("2006-01-02") + " 10:00:00\n"
	for range 2 {
		if _, err := Import(o, cfg, strings.NewReader(csv)); err != nil {
			t.Fatal(err)
		}
	}
	soon(t, "the instance knows what was spent before", func() bool { return k.Left() == credits-6e9 })
}
