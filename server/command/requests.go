package command

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"uniapi/server/requestlog"
)

// requests shows what the log of requests has kept. It reads the files, so that the gateway may run or not.
func requests(args []string) int {
	var q requestlog.Query
	var status, since, until string
	var lines bool
	flags := flag.NewFlagSet("uni-api requests", flag.ContinueOnError)
	data := flags.String("data", "./data", "the gateway's data folder, as serve has it")
	flags.StringVar(&q.ID, "id", "", "the request with this id (X-Request-Id), with all that is known of it")
	flags.StringVar(&q.Key, "key", "", "of the client key with this alias")
	flags.StringVar(&q.Model, "model", "", "for this model, as clients or as a provider call it")
	flags.StringVar(&q.Provider, "provider", "", "that this provider served, or failed at")
	flags.StringVar(&q.Endpoint, "endpoint", "", "to this endpoint, such as \"POST /v1/chat/completions\"")
	flags.StringVar(&status, "status", "", "with this status: 429, or 5xx")
	flags.BoolVar(&q.Failed, "failed", false, "that failed")
	flags.StringVar(&q.Text, "text", "", "with this text in an error or a name")
	flags.StringVar(&since, "since", "", "from this time on: 2h ago, as 2h, or 2026-01-31T12:00:00Z")
	flags.StringVar(&until, "until", "", "before this time")
	flags.IntVar(&q.Limit, "n", 50, "how many at most, the newest first; 0 is all")
	flags.BoolVar(&lines, "json", false, "print lines of JSON, as they are kept")
	id := ""
	if code, stop := parse(flags, args, &id); stop {
		return code
	}
	q.ID = cmp.Or(q.ID, id)
	q.Bodies = q.ID != ""
	var ok bool
	if q.Least, q.Most, ok = requestlog.ReadStatus(status); !ok {
		misused(flags.Name(), fmt.Errorf("--status takes 429 or 5xx and the like, not %q", status))
		return 2
	}
	for name, t := range map[string]*time.Time{since: &q.Since, until: &q.Until} {
		var err error
		if *t, err = moment(name, time.Now()); err != nil {
			misused(flags.Name(), err)
			return 2
		}
	}
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt)
	defer end()
	folder := filepath.Join(*data, requestlog.Folder)
	if _, err := os.Stat(folder); err != nil {
		fmt.Fprintf(complaints{}, "uni-api requests: no requests are kept there: %v\nrequest_log: metadata below preferences in api.yaml keeps them; --data names the gateway's data folder\n", err)
		return 1
	}
	page, err := requestlog.Search(ctx, folder, q)
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api requests:", err)
		return 1
	}
	switch {
	case lines:
		to := json.NewEncoder(os.Stdout)
		to.SetEscapeHTML(false)
		for i := range page.Found {
			if err := to.Encode(page.Found[i].Whole()); err != nil {
				fmt.Fprintln(complaints{}, "uni-api requests:", err)
				return 1
			}
		}
	case len(page.Found) == 0:
		fmt.Fprintln(complaints{}, "uni-api requests: there is none like that")
		return 1
	case q.ID != "":
		for i := range page.Found {
			tellRequest(os.Stdout, &page.Found[i].Entry)
			if err := tellExchange(os.Stdout, page.Found[i].Exchange()); err != nil {
				fmt.Fprintln(complaints{}, "uni-api requests: what was said cannot be read:", err)
				return 1
			}
		}
	default:
		tellRequests(os.Stdout, page.Found)
		if page.Next != "" {
			fmt.Println("there are older ones: -n shows more")
		}
	}
	return 0
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if days, is := strings.CutSuffix(text, "d"); is {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 && n < 1e5 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2h, 3d, 2026-01-31 or 2026-01-31T12:00", text)
}

// tellRequests prints a line for each.
func tellRequests(w io.Writer, found []requestlog.Found) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tID\tSTATUS\tKEY\tMODEL\tPROVIDER\tSECONDS\tFIRST\tTOKENS\tDOLLARS\tERROR")
	for i := range found {
		e := &found[i].Entry
		first := ""
		if e.FirstByteMS > 0 {
			first = seconds(e.FirstByteMS)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d+%d\t%.6f\t%s\n", e.Time.Local().Format("01-02 15:04:05"), plainly(e.ID), e.Status, plainly(e.Key), plainly(e.Model),
			plainly(e.Provider), seconds(e.MS), first, e.Prompt, e.Completion, e.Cost, short(plainly(e.Error)))
	}
	table.Flush()
}

// tellRequest prints all that is known of one.
func tellRequest(w io.Writer, e *requestlog.Entry) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	say("id", "%s", plainly(e.ID))
	say("time", "%s", e.Time.Local().Format(time.RFC3339Nano))
	say("status", "%d", e.Status)
	say("asked", "%s %s, stream %v, by key %s from %s", plainly(e.Endpoint), plainly(e.Model), e.Stream, plainly(e.Key), plainly(e.Client))
	say("took", "%s s: the gateway before the first attempt %s, attempts that failed %s, first byte after %s", seconds(e.MS), seconds(e.OwnMS), seconds(e.LostMS), seconds(e.FirstByteMS))
	if e.Prompt+e.Completion > 0 {
		say("tokens", "%d in, of which %d from the cache; %d out, of which %d were thought%s", e.Prompt, e.Cached, e.Completion, e.Reasoning, map[bool]string{true: "; estimated"}[e.Estimated])
	}
	say("cost", "%.9f dollars", e.Cost)
	for i, a := range e.Attempts {
		what := fmt.Sprint("status ", a.Status)
		if a.Outrun {
			what = "another was faster"
		}
		if a.BrokeOff {
			what += ", its answer broke off"
		}
		if len(a.LeftOut) > 0 {
			what += ", without " + plainly(strings.Join(a.LeftOut, ", "))
		}
		if len(a.Changed) > 0 {
			what += ", changed: " + plainly(strings.Join(a.Changed, ", "))
		}
		if len(a.Added) > 0 {
			what += ", with " + plainly(strings.Join(a.Added, ", "))
		}
		if a.Error != "" {
			what += ": " + plainly(a.Error)
		}
		say(fmt.Sprint("attempt ", i+1), "after %s s, for %s s: %s/%s key %d: %s", seconds(a.BeganMS), seconds(a.MS), plainly(a.Provider), plainly(a.Upstream), a.Key, what)
	}
	if e.Pieces > 0 {
		say("stream", "%d bytes in %d pieces; the longest wait between two was %s s", e.Bytes, e.Pieces, seconds(e.LongestMS))
		for _, p := range e.Flow {
			say("", "after %s s: %d bytes", seconds(float64(p[0])), p[1])
		}
	}
	if e.Error != "" {
		say("error", "%s", plainly(e.Error))
		if e.Detail != "" {
			say("", "%s", plainly(e.Detail))
		}
	}
	table.Flush()
}

func seconds(ms float64) string { return strconv.FormatFloat(ms/1000, 'f', 3, 64) }

func short(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
