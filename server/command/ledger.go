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
	"time"

	"uniapi/config"
	"uniapi/usage"
)

const ledgerUsage = "uni-api ledger import [flags] FILE.csv"

// ledger looks after the books of a gateway that does not run.
func ledger(args []string) int {
	switch {
	case len(args) > 0 && args[0] == "import":
		args = args[1:]
	case len(args) != 1 || strings.TrimLeft(args[0], "-") != "help" && args[0] != "-h":
		fmt.Fprintln(os.Stderr, "uni-api ledger: what is to be done? "+ledgerUsage)
		return 2
	}
	flags := flag.NewFlagSet("uni-api ledger import", flag.ContinueOnError)
	data := flags.String("data", "./data", "folder of the ledger, as serve has it")
	path := flags.String("config", "", "the api.yaml, for what requests cost that the file has no prices of; default ./api.yaml, else what CONFIG_URL names")
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "%s\n\nTakes over what the Python uni-api has counted. FILE.csv is its table request_stats; - is standard input.\n\n", ledgerUsage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "uni-api ledger import: it needs one file: "+ledgerUsage)
		return 2
	}
	if err := importLedger(*data, *path, flags.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "uni-api ledger import:", err)
		return 1
	}
	return 0
}

func importLedger(data, path, file string) error {
	cfg, err := config.Resolve(path, os.Getenv).Load(context.Background())
	if err != nil {
		return fmt.Errorf("what requests cost is in the configuration, which cannot be used: %w", err)
	}
	var from io.Reader = os.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	done, err := usage.Import(usage.Options{Dir: data, Log: log}, cfg, from)
	if errors.Is(err, usage.ErrInUse) {
		return fmt.Errorf("the gateway is running: stop it, import, start it again: %w", err)
	} else if err != nil {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	switch {
	case done.Requests > 0:
		fmt.Printf("%d requests of %d client keys were imported, from %s to %s, for %.6f dollars\n", done.Requests, done.Keys,
			done.From.Format(time.DateOnly), done.To.Format(time.DateOnly), float64(done.Cost)/1e9)
	case done.Known > 0:
		fmt.Println("there is nothing new in it")
	default:
		fmt.Println("there are no requests in it")
	}
	if done.Known > 0 {
		fmt.Printf("%d rows had been imported before and were not counted again\n", done.Known)
	}
	if done.LeftOut > 0 {
		fmt.Printf("%d rows without a model or a key were left out: they were no requests for an answer\n", done.LeftOut)
	}
	return nil
}
