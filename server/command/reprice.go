package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"uniapi/config"
	"uniapi/usage"
)

// reprice applies today's prices to what the ledger has.
func reprice(args []string) int {
	flags := flag.NewFlagSet("uni-api reprice", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml with the prices; default ./api.yaml, else what CONFIG_URL names")
	data := flags.String("data", "./data", "folder of the ledger, as serve has it; the gateway must be stopped, unless the ledger is in PostgreSQL (DATABASE_URL)")
	from := flags.String("from", "", "first day, as 2026-01-31, in UTC; required")
	to := flags.String("to", "", "last day; default today")
	dry := flags.Bool("dry-run", false, "show what would change, and change nothing")
	inexact := flags.Bool("inexact", false, "take in requests of which the ledger does not keep what their price depends on, such as searches and the service tier of those of older versions: they are priced without that, which may be less than they cost; else they stay as they are")
	if code, stop := parse(flags, args); stop {
		return code
	}
	options := usage.RepriceOptions{Inexact: *inexact, DryRun: *dry, To: time.Now().UTC().Truncate(24 * time.Hour)}
	var err error
	if options.From, err = time.Parse(time.DateOnly, *from); err != nil {
		err = fmt.Errorf("--from must be a day such as 2026-01-31, not %q", *from)
	} else if *to != "" {
		if options.To, err = time.Parse(time.DateOnly, *to); err != nil {
			err = fmt.Errorf("--to must be a day such as 2026-01-31, not %q", *to)
		}
	}
	if err == nil && options.To.Before(options.From) {
		err = errors.New("--to must not be before --from")
	}
	if err != nil {
		misused(flags.Name(), err)
		return 2
	}
	options.To = options.To.AddDate(0, 0, 1)
	cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api reprice: the prices are in the configuration, which cannot be used:", err)
		return 1
	}
	cfg, listPrices := keptPrices(cfg, *data)
	fmt.Print(listPrices)
	ledger, err := ledgerOptions(*data)
	var list []usage.Repriced
	if err == nil {
		list, err = usage.Reprice(ledger, cfg, options)
	}
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api reprice:", stopped(err))
		return 1
	}
	printRepriced(os.Stdout, list, *dry)
	return 0
}

// ledgerOptions are those of a command that opens the ledger: that of a gateway that does not run, or the one that
// instances share.
func ledgerOptions(data string) (usage.Options, error) {
	shared, err := database(os.Getenv)
	return usage.Options{Database: shared, Dir: data, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}, err
}

// stopped says what to do about a ledger that is in use.
func stopped(err error) error {
	if errors.Is(err, usage.ErrInUse) {
		return fmt.Errorf("the gateway is running and has the ledger locked: stop it, do this, start it again: %w", err)
	}
	return err
}

func printRepriced(w io.Writer, list []usage.Repriced, dry bool) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	sum, base, left, changed := int64(0), false, false, 0
	key, ofKey := "", int64(0)
	end := func() {
		if key != "" {
			fmt.Fprintf(table, "%s\tin all\t\t\t\t%s\n", plainly(key), difference(ofKey))
		}
		ofKey = 0
	}
	fmt.Fprintln(table, "KEY\tMODEL\tREQUESTS\tWAS\tIS\tDIFFERENCE")
	for _, r := range list {
		if r.Key != key {
			end()
			key = r.Key
		}
		what := difference(r.Is - r.Was)
		switch {
		case r.LeftOut != "":
			what, left = "left out: "+r.LeftOut, left || r.Base
		case r.Base:
			base, what = true, what+" *"
		}
		if r.Is != r.Was {
			changed++
		}
		ofKey += r.Is - r.Was
		sum += r.Is - r.Was
		fmt.Fprintf(table, "%s\t%s/%s\t%d\t%s\t%s\t%s\n", plainly(r.Key), plainly(r.Provider), plainly(r.Model), r.Requests, usage.Dollars(r.Was), usage.Dollars(r.Is), what)
	}
	end()
	_ = table.Flush()
	if base {
		fmt.Fprintln(w, "* some of them by the price without what the ledger does not keep of them, such as the service tier and searches of requests to older versions. Without --inexact they stay as they are")
	}
	if left {
		fmt.Fprintln(w, "what was left out for parts of its price stays as it is; --inexact prices it without them")
	}
	done := "was written into the ledger, and each key's part into its history (/v1/credit_history)"
	switch {
	case changed == 0:
		done = "there was nothing to write"
	case dry:
		done = "nothing was written: --dry-run"
	}
	fmt.Fprintf(w, "difference in all: %s; %s\n", difference(sum), done)
}

// difference is an amount with its sign.
func difference(nano int64) string {
	if nano < 0 {
		return "-$" + strings.TrimPrefix(usage.Dollars(-nano), "$")
	}
	return "+" + usage.Dollars(nano)
}
