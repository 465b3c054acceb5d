package usage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

const (
	pastHead = "id,request_id,endpoint,client_ip,process_time,first_response_time,provider,model,api_key,is_flagged,text,prompt_tokens,completion_tokens,total_tokens,timestamp\n"
	pastKey  = "sk-user-0123456789abcdef"
)

// pastRow is a row of the table as SQLite writes it.
func pastRow(id int, at, more string) string {
	if more == "" {
		more = "openai,gpt-4o," + pastKey + ",0,\"he said \"\"hi\"\",\nthen left\",1000,500,1500"
	}
	return fmt.Sprintf("%d,x,\"POST /v1/chat/completions\",10.0.0.1,1.5,0.25,%s,\"%s\"\r\n", id, more, at)
}

var pastConfig = &config.Config{Preferences: config.Preferences{ModelPrice: []config.ModelPrice{{Prefix: "default", Price: config.Price{Input: 2e6, Output: 10e6}}}}}

// importInto imports a file at a time.
func importInto(t testing.TB, dir string, now time.Time, file string) (Imported, error) {
	t.Helper()
	var lines lineLog
	done, err := Import(Options{Dir: dir, Log: lines.logger(), Now: func() time.Time { return now }}, pastConfig, strings.NewReader(file))
	if lines.count("level=ERROR") > 0 {
		t.Error(lines.text.String())
	}
	return done, err
}

// kept is what a ledger has of a key since a time.
func kept(t *testing.T, dir string, now time.Time, kind Kind, from time.Time, longest int64) (sum Counts) {
	t.Helper()
	l, err := OpenLedger(Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Write(context.Background(), now); err != nil { // which puts together what is due
		t.Fatal(err)
	}
	if err := l.Read(context.Background(), now, []Kind{kind}, func(v View) error {
		sum = Counts{}
		return v.Scan(Question{Kind: kind, From: from.Unix(), To: v.End(), Longest: longest, Columns: allColumns}, nil, func(Name) *Counts { return &sum })
	}); err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestImportedHistoryIsCountedWhereItBelongs(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 30, 0, 0, time.UTC)
	dir := t.TempDir()
	file := pastHead +
		pastRow(1, "2025-06-01 00:00:00", "") +
		pastRow(2, "2026-05-01 23:59:59.123456", "") +
		pastRow(3, "2026-05-02T00:00:00+02:00", "") + // the day before in UTC
		pastRow(4, "2026-05-19 12:00:00", ",gpt-4o,"+pastKey+",0,,0,0,0") + // nobody answered
		pastRow(5, "2026-05-20 12:00:00", "openai,,"+pastKey+",0,,0,0,0") + // a list of models
		pastRow(6, "2026-05-20 12:29:00", "") +
		pastRow(7, "2027-01-01 00:00:00", "") // a clock that goes wrong
	done, err := importInto(t, dir, now, file)
	if err != nil {
		t.Fatal(err)
	}
	const each = 7_000_000 // nano-dollars: 1000 at 2 and 500 at 10 dollars a million
	if done.Requests != 6 || done.LeftOut != 1 || done.Keys != 1 || done.Cost != 5*each || done.From.Format(time.DateOnly) != "2025-06-01" || !done.To.Equal(now) {
		t.Errorf("%+v", done)
	}
	for _, after := range []time.Duration{0, 2 * time.Hour, 72 * time.Hour} { // what was minutes becomes hours and days
		later := now.Add(after)
		for _, kind := range []Kind{ofRequests, ofChannels, ofKeys} {
			all := kept(t, dir, later, kind, time.Unix(0, 0), day)
			if all.Row[requests] != 6 || all.Row[failures] != 1 || all.Row[cost] != 5*each || all.Row[promptTokens] != 5000 || all.Row[firstByteTime] != 6*250_000 {
				t.Errorf("%v later, %s: %v", after, kind.what(), all.Row)
			}
		}
		if may := kept(t, dir, later, ofKeys, time.Date(2026, 5, 1, 22, 0, 0, 0, time.UTC), hour); may.Row[requests] != 5 {
			t.Errorf("%v later, since 1 May 22:00: %d requests", after, may.Row[requests])
		}
		if h := kept(t, dir, later, ofKeys, time.Unix(0, 0), day).histograms[duration]; h.Quantile(0.5) < time.Second || h.Quantile(0.5) > 2*time.Second {
			t.Errorf("the middle of the durations is %v", h.Quantile(0.5))
		}
		if seen := kept(t, dir, later, ofClients, time.Unix(0, 0), day); seen.Row[requests] != 6 {
			t.Errorf("%v later, %d requests by address", after, seen.Row[requests])
		}
	}
}

func TestImportIsAddedToWhatTheLedgerHas(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 30, 0, 0, time.UTC)
	dir := t.TempDir()
	l, err := OpenLedger(Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	own := []Counted{{Name{ofRequests, hashOf(pastKey), "openai", "gpt-4o", "POST /v1/chat/completions"}, *countsOf(&Sample{Success: true, Cost: 5})}}
	if err := errors.Join(l.Count(context.Background(), now, own), l.Write(context.Background(), now), l.Close()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(48 * time.Hour)
	kept(t, dir, now, ofKeys, time.Unix(0, 0), day) // makes days
	if _, err := importInto(t, dir, now, pastHead+pastRow(1, "2026-05-20 12:10:00", "")+pastRow(2, "2026-05-20 13:10:00", "")); err != nil {
		t.Fatal(err)
	}
	if all := kept(t, dir, now, ofKeys, time.Unix(0, 0), day); all.Row[requests] != 3 || all.Row[cost] != 14_000_005 {
		t.Errorf("%v", all.Row)
	}
	if twelve := kept(t, dir, now, ofKeys, time.Date(2026, 5, 20, 13, 0, 0, 0, time.UTC), hour); twelve.Row[requests] != 1 {
		t.Errorf("from 13:00 on: %d requests", twelve.Row[requests])
	}
}

func TestImportCountsNothingTwice(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 30, 0, 0, time.UTC)
	dir := t.TempDir()
	first := pastHead + pastRow(1, "2026-05-01 10:00:00", "") + pastRow(2, "2026-05-02 10:00:00", "")
	for _, step := range []struct {
		name, file      string
		requests, known int
		refused         string
		all             int64
	}{
		{"first", first, 2, 0, "", 2},
		{"the same again", first, 0, 2, "", 2},
		{"a later export", first + pastRow(5, "2026-05-03 10:00:00", ""), 1, 2, "", 3},
		{"without its beginning", pastHead + pastRow(2, "2026-05-02 10:00:00", "") + pastRow(9, "2026-05-03 10:00:00", ""), 0, 0, "another table was imported", 3},
		{"another", pastHead + pastRow(1, "2026-05-01 10:00:01", ""), 0, 0, "another table was imported", 3},
		{"nothing", pastHead, 0, 0, "", 3},
	} {
		done, err := importInto(t, dir, now, step.file)
		if done.Requests != step.requests || done.Known != step.known || (err != nil) != (step.refused != "") || !strings.Contains(fmt.Sprint(err), step.refused) {
			t.Errorf("%s: %+v, %v", step.name, done, err)
		}
		if all := kept(t, dir, now, ofKeys, time.Unix(0, 0), day); all.Row[requests] != step.all {
			t.Errorf("%s: %d requests in all", step.name, all.Row[requests])
		}
	}
}

func TestImportTakesTheFilesOwnPrices(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 30, 0, 0, time.UTC)
	file := "timestamp,id,api_key,provider,model,endpoint,prompt_tokens,completion_tokens,prompt_price,completion_price,trace_id\n" +
		"2026-05-01 10:00:00.5+00,1," + pastKey + ",p,m,e,1000000,1000000,0.3,1.25,t\n" +
		"2026-05-01 10:00:00,2," + pastKey + ",p,m,e,1000000,0,,,t\n" // by the configuration
	done, err := importInto(t, t.TempDir(), now, file)
	if err != nil || done.Cost != 1_550_000_000+2_000_000_000 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestFileThatIsNoExportIsRefusedWhole(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 30, 0, 0, time.UTC)
	good := pastRow(1, "2026-05-01 10:00:00", "")
	for name, test := range map[string]struct{ file, want string }{
		"empty":              {"", "the file is empty"},
		"without a head":     {good, "there is no column id"},
		"a wrong time":       {pastHead + good + pastRow(2, "yesterday", ""), "line 4: timestamp must be a time"},
		"a time before 1970": {pastHead + pastRow(1, "1960-01-01 00:00:00", ""), "line 2: timestamp"},
		"a wrong count":      {pastHead + good + pastRow(2, "2026-05-01 10:00:00", "p,m,k,0,,-5,1,1"), `prompt_tokens must be a whole number, not "-5"`},
		"out of order":       {pastHead + pastRow(2, "2026-05-01 10:00:00", "") + good, "ORDER BY id"},
		"a row cut short":    {pastHead + good + "2,x\n", "wrong number of fields"},
	} {
		dir := t.TempDir()
		if _, err := importInto(t, dir, now, test.file); !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if all := kept(t, dir, now, ofKeys, time.Unix(0, 0), day); all.Row[requests] != 0 {
			t.Errorf("%s: %d requests were imported all the same", name, all.Row[requests])
		}
	}
}

func TestLedgerThatIsInUseIsNotImportedInto(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLedger(Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := importInto(t, dir, time.Now(), pastHead+pastRow(1, "2026-05-01 10:00:00", "")); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
}

func FuzzPastReader(f *testing.F) {
	f.Add([]byte(pastHead + pastRow(1, "2026-05-01 10:00:00", "")))
	f.Add([]byte("\ufeff" + pastHead))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := newPastReader(bytes.NewReader(file))
		for err == nil {
			var row past
			if row, err = r.next(); err == nil && (row.at <= 0 || row.sample.Cost < 0 || row.sample.Tokens.Prompt < 0 || row.sample.Duration < 0) {
				t.Errorf("%+v", row)
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
	})
}
