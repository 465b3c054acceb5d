package usage

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/config/price"
)

// TestRepriceWritesTodaysPricesIntoRowsOfEveryLength counts for four days, reprices two of them, and looks at minutes,
// hours and days.
func TestRepriceWritesTodaysPricesIntoRowsOfEveryLength(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	options := Options{Dir: dir, Now: c.now, Log: quiet}
	b := open(t, options)
	credits, begun := int64(1e9), c.now().AddDate(0, 0, -1)
	configure(t, b, &credits, &begun)
	k := b.Key(secret)
	for range 4 * 24 { // from noon of the 10th to noon of the 14th, each hour ten tokens in and one out, at 2 and 3 dollars
		k.Series("p", "m", "chat").Record(Sample{Success: true, Tokens: Tokens{Prompt: 10_000, Completion: 1000}, Cost: 23_000_000})
		k.Series("p", "m", "images/generations").Record(Sample{Success: true, Cost: 5})
		flush(t, b)
		c.advance(time.Hour)
	}
	first := time.Date(2025, 3, 11, 0, 0, 0, 0, time.UTC)
	r := RepriceOptions{From: first, To: first.AddDate(0, 0, 3), Inexact: true}
	prices := func(input int64) *config.Config {
		return &config.Config{APIKeys: []*config.APIKey{{Key: secret, Alias: "tester"}}, Preferences: config.Preferences{ModelPrice: []config.ModelPrice{{Prefix: "m", Price: config.Price{Input: input, Output: 3e6}}}}}
	}
	if _, err := Reprice(options, prices(1e6), r); !errors.Is(err, ErrInUse) {
		t.Fatalf("beside a gateway that runs: %v", err)
	}
	b.Close()
	const hours, was, is = 3 * 24, 23_000_000, 13_000_000
	for _, step := range []struct {
		name     string
		dry      bool
		was, now int64 // of the first run and of what the ledger has after it
	}{
		{"dry run", true, was, was}, {"written", false, was, is}, {"again", false, is, is},
	} {
		r.DryRun = step.dry
		list, err := Reprice(options, prices(1e6), r)
		if err != nil || len(list) != 1 || list[0].Key != "tester" || list[0].Is != hours*(is+5) || list[0].Was != hours*(step.was+5) || list[0].Base || list[0].LeftOut != "" {
			t.Fatalf("%s: %+v, %v", step.name, list, err)
		}
		for _, kind := range []Kind{ofRequests, ofChannels, ofKeys} {
			for _, longest := range []int64{minute, hour, day} {
				if sum := kept(t, dir, c.now(), kind, first, longest); sum.Row[cost] != hours*(step.now+5)+12*(was+5) || sum.Row[promptTokens] != (hours+12)*10_000 {
					t.Errorf("%s: %c by spans of %d: cost %d, prompt %d", step.name, kind, longest, sum.Row[cost], sum.Row[promptTokens])
				}
			}
		}
	}
	b = open(t, options)
	configure(t, b, &credits, &begun)
	if state, _ := b.State(secret); state.Spent != hours*(is+5)+24*(was+5) {
		t.Errorf("%d count towards the credits", state.Spent)
	}
	if history, _, err := b.Corrections(secret); err != nil || len(history) != 1 || history[0].Repriced != hours*(is-was) || history[0].Nano != 0 || !strings.Contains(history[0].Note, "2025-03-11 to 2025-03-13") {
		t.Errorf("the history: %+v, %v", history, err)
	}
}

// TestRepriceSaysWhatItCannotKnow has requests in the ledger of which no row of parts tells what they used, as those of
// older versions are.
func TestRepriceSaysWhatItCannotKnow(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	options := Options{Dir: dir, Now: c.now, Log: quiet}
	b := open(t, options)
	configure(t, b, nil, nil)
	for _, s := range [][2]string{{"gpt-5", "chat"}, {"of-tomorrow", "images/generations"}, {"a-picture", "images/generations"}, {"of-tomorrow", "chat"}} {
		b.Key(secret).Series("p", s[0], s[1]).Record(Sample{Success: true, Tokens: Tokens{Prompt: 1000, Searches: 1}, Cost: 77_000})
	}
	b.Close()
	list := func(inexact bool, want string) {
		got, err := Reprice(options, &config.Config{}, RepriceOptions{From: c.now().Add(-36 * time.Hour), To: c.now().Add(36 * time.Hour), Inexact: inexact, DryRun: true})
		var said []string
		for _, r := range got {
			word := r.Model + " " + Dollars(r.Is)
			if r.Base {
				word += " *"
			}
			said = append(said, strings.TrimSpace(word+" "+r.LeftOut))
		}
		if err != nil || strings.Join(said, "; ") != want {
			t.Errorf("%s, %v; want %s", strings.Join(said, "; "), err, want)
		}
	}
	const rest = "; of-tomorrow $0.001; of-tomorrow $0.000077 nobody has said what it costs"
	list(true, "a-picture $0.000077 nobody has said what it costs; gpt-5 $0.00125 *"+rest)
	list(false, "a-picture $0.000077 nobody has said what it costs; gpt-5 $0.000077 * its price has parts that the ledger does not keep"+rest)
}

func TestStatementReadsTheExportsOfProviders(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"a table": {"date,model,input_tokens,output_tokens,cost\n2026-01-31,gpt-4o,100,20,$1.50\n2026-01-31,gpt-4o,\"1,000\",2,0.25\n", "2026-01-31 gpt-4o 1100 22 $1.75"},
		"OpenAI's usage": {"\ufeffstart_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens\n" +
			"1769817600,1769904000,2026-01-31T00:00:00+00:00,2026-02-01T00:00:00+00:00,proj,3.0,gpt-4o-2024-08-06,7162,5,1280\n1769904000,1769990400,2026-02-01T00:00:00+00:00,2026-02-02T00:00:00+00:00,,,,,,\n",
			"2026-01-31 gpt-4o-2024-08-06 7162 5 $0.00"},
		"OpenAI's costs": {"start_time,end_time,amount_value,amount_currency,line_item\n1769817600,1769904000,0.06,usd,\"gpt-4o-2024-08-06, input\"\n1769817600,1769904000,0.04,usd,\"gpt-4o-2024-08-06, output\"\n",
			"2026-01-31 gpt-4o-2024-08-06 0 0 $0.10"},
		"Anthropic's usage": {"usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed\n" +
			"2026-01-31,claude-opus-5,k,Default,standard,≤ 200k,46981,15969,1,2,16932,0,global,\n", "2026-01-31 claude-opus-5 62953 16932 $0.00"},
		"Anthropic's costs": {"usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type,inference_geo,speed\n" +
			"2026-01-31,Claude Sonnet 4.5,w,k,message,200k,input_no_cache,1.25,token,us,\n2026-01-31,Claude Sonnet 4.5,w,k,message,200k,output,0.75,token,us,\n", "2026-01-31 claude-sonnet-4-5 0 0 $2.00"},
		"no day":          {"model,input_tokens,output_tokens\nm,1,1\n", "line 1: these columns are not known"},
		"DeepSeek's":      {"user_id,start_time_iso,model,type,price,amount\nu,2026-01-31,m,output_tokens,0.1,5\n", "line 1: these columns are not known"},
		"a wrong day":     {"date,model,cost\nyesterday,m,1\n", `line 2: "yesterday" is no day`},
		"below zero":      {"date,model,cost\n2026-01-31,m,-1\n", `line 2: "-1" is no amount of dollars`},
		"a wrong number":  {"date,model,input_tokens,output_tokens\n2026-01-31,m,many,1\n", `line 2: "many" is no number of tokens`},
		"nothing":         {"", "the file is empty"},
		"nothing but one": {"date,model,cost\n", "no row of it"},
	} {
		s, err := ReadStatement(strings.NewReader(test.file))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			for of, spent := range s.Days {
				got += strings.Join([]string{time.Unix(of.Day, 0).UTC().Format(time.DateOnly), of.Model, strconv.FormatInt(spent.Input, 10), strconv.FormatInt(spent.Output, 10), Dollars(spent.Cost)}, " ")
			}
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func FuzzReadStatement(f *testing.F) {
	f.Add("date,model,input_tokens,output_tokens,cost\n2026-01-31,gpt-4o,100,20,1.50\n")
	f.Add("start_time,line_item,amount_value\n1769817600,\"a, b\",1e300\n")
	f.Add("usage_date_utc,model_version,usage_input_tokens_no_cache,usage_output_tokens\n2026-01-31,x,9223372036854775807,NaN\n")
	f.Fuzz(func(t *testing.T, file string) {
		s, err := ReadStatement(strings.NewReader(file))
		if err != nil {
			return
		}
		for of, spent := range s.Days {
			if of.Day%day != 0 || of.Model == "" || spent.Input < 0 || spent.Output < 0 || spent.Cost < 0 || s.To.Before(s.From) {
				t.Fatalf("%+v: %+v", of, spent)
			}
		}
	})
}

// TestRepriceGoesByTheTimeOfDay counts for four days, of which minutes are left of the last two, and reprices by a
// price of the night. What is in an hour of both is priced as of the day, and said to be a guess.
func TestRepriceGoesByTheTimeOfDay(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	options := Options{Dir: dir, Now: c.now, Log: quiet}
	b := open(t, options)
	configure(t, b, nil, nil)
	k := b.Key(secret)
	for range 4 * 24 * 2 { // at each whole and each half hour
		k.Series("p", "m", "chat").Record(Sample{Success: true, Tokens: Tokens{Prompt: 1_000_000}, Cost: 1})
		flush(t, b)
		c.advance(30 * time.Minute)
	}
	b.Close()
	timed := func(window string) *config.Config {
		hours, err := price.ReadHours([]string{window}, "UTC")
		if err != nil {
			t.Fatal(err)
		}
		p, err := price.Make([]price.Part{{Name: "input", Amount: 4e6}, {Hours: hours, Name: "input", Amount: 1e6}})
		if err != nil {
			t.Fatal(err)
		}
		return &config.Config{Preferences: config.Preferences{ModelPrice: []config.ModelPrice{{Prefix: "m", Price: p}}}}
	}
	first := time.Date(2025, 3, 11, 0, 0, 0, 0, time.UTC)
	r := RepriceOptions{From: first, To: first.AddDate(0, 0, 3), Inexact: true, DryRun: true}
	const dollar = 1_000_000_000
	list, err := Reprice(options, timed("16:30-00:30"), r)
	if err != nil || len(list) != 1 || !list[0].Base {
		t.Fatal(list, err)
	}
	exact := int64(3 * (16*1 + 32*4) * dollar)
	if got := list[0].Is; got <= exact || got > exact+3*2*3*dollar { // two hours a day, of which a half is dearer than it was
		t.Errorf("with half hours: %d, and it was %d", got, exact)
	}
	r.DryRun = false
	want := int64(3 * (8*2*1 + 16*2*4) * dollar)
	for _, was := range []int64{3 * 48, want} {
		list, err := Reprice(options, timed("16:00-00:00"), r)
		if err != nil || len(list) != 1 || list[0].Base || list[0].Was != was || list[0].Is != want {
			t.Fatalf("%+v, %v; want %d", list, err, want)
		}
		for _, kind := range []Kind{ofRequests, ofChannels, ofKeys} {
			for _, longest := range []int64{minute, hour, day} {
				if sum := kept(t, dir, c.now(), kind, first, longest); sum.Row[cost] != want+24 {
					t.Errorf("%c by spans of %d: %d, want %d", kind, longest, sum.Row[cost], want+24)
				}
			}
		}
	}
}
