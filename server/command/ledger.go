package command

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"uniapi/config"
	"uniapi/usage"
)

const ledgerUsage = "uni-api ledger export [flags] [FILE], or uni-api ledger import [flags] FILE"

// ledger looks after the books: of a gateway that does not run, or those that instances have in PostgreSQL.
func ledger(args []string) int {
	switch {
	case len(args) > 0 && (args[0] == "import" || args[0] == "export"):
	case len(args) != 1 || strings.TrimLeft(args[0], "-") != "help" && args[0] != "-h":
		fmt.Fprintln(complaints{}, "uni-api ledger: what is to be done? "+ledgerUsage)
		return 2
	default:
		args = []string{"import", "--help"}
	}
	verb := args[0]
	flags := flag.NewFlagSet("uni-api ledger", flag.ContinueOnError)
	data := flags.String("data", "./data", "folder of the ledger, as serve has it; it is in PostgreSQL instead where DATABASE_URL or DB_TYPE say so")
	path, instance, file := new(string), new(string), ""
	if verb == "import" {
		flags.StringVar(path, "config", "", "the api.yaml, for what requests cost that a CSV has no prices of; default ./api.yaml, else what CONFIG_URL names")
		flags.StringVar(instance, "instance", "", "what the gateway whose file was exported is called in PostgreSQL; default this machine's name")
	}
	if code, stop := parse(flags, args[1:], &file); stop {
		return code
	}
	if verb == "import" && file == "" {
		fmt.Fprintf(complaints{}, "uni-api ledger import: it needs a file: %s\n", ledgerUsage)
		return 2
	}
	options, err := ledgerOptions(*data)
	options.Instance = *instance
	switch {
	case err != nil:
	case verb == "export":
		err = stopped(exportLedger(options, file))
	default:
		err = importLedger(options, *path, file)
	}
	if err != nil {
		fmt.Fprintf(complaints{}, "uni-api ledger %s: %v\n", verb, err)
		return 1
	}
	return 0
}

func exportLedger(o usage.Options, file string) (err error) {
	if file == "" || file == "-" {
		return usage.Export(o, os.Stdout)
	}
	to, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(usage.Export(o, to), to.Close())
}

func importLedger(o usage.Options, path, file string) error {
	opened := os.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		opened = f
	}
	from := bufio.NewReader(opened)
	if first, _ := from.Peek(1); string(first) == "{" {
		return restoreLedger(o, from)
	}
	cfg, err := config.Resolve(path, os.Getenv).Load(context.Background())
	if err != nil {
		return fmt.Errorf("what requests cost is in the configuration, which cannot be used: %w", err)
	}
	done, err := usage.Import(o, cfg, from)
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

func restoreLedger(o usage.Options, from io.Reader) error {
	done, err := usage.Restore(o, from)
	if err != nil {
		return fmt.Errorf("nothing was imported: %w", stopped(err))
	}
	fmt.Printf("%d rows were imported, and the credits that were added to %d client keys\n", done.Rows, done.Keys)
	return nil
}
