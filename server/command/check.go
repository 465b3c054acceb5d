package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"uniapi/config"
	"uniapi/server"
	"uniapi/server/pricelist"
)

func check(args []string) int {
	flags := flag.NewFlagSet("uni-api check", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	strict := flags.Bool("strict", false, "end with status 1 for warnings too")
	ask := flags.Bool("ask", false, "ask each provider with each of its keys for something small, which may cost a little, and end with status 1 if one does not answer well")
	within := flags.Duration("ask-timeout", 30*time.Second, "with --ask, how long each may take")
	data := flags.String("data", "./data", "folder of the ledger, as serve has it: list prices that were fetched are there")
	if code, stop := parse(flags, args, path); stop {
		return code
	}
	if *within <= 0 {
		misused(flags.Name(), errors.New("--ask-timeout must be more than 0"))
		return 2
	}
	source := config.Resolve(*path, os.Getenv)
	cfg, err := source.Load(context.Background())
	problems := problemsIn(err)
	if err == nil {
		problems = append(cfg.Problems(), server.LeftOut(cfg)...)
	} else if problems == nil {
		fmt.Fprintln(complaints{}, "uni-api check:", err)
		return 1
	} else {
		problems = append(problems, foundByStart(source)...)
	}
	problems.Sort()
	printProblems(os.Stderr, coloured(os.Stderr), problems)
	if err == nil {
		var listPrices string
		cfg, listPrices = keptPrices(cfg, *data)
		for _, warning := range server.PriceWarnings(cfg) {
			fmt.Fprintf(complaints{}, "%s: %s: %s\n", source, config.Warning, warning)
		}
		fmt.Print(server.Summary(cfg))
		fmt.Print(listPrices)
	}
	failed := false
	if err == nil && *ask {
		failed = !askAll(os.Stdout, cfg, *within)
	}
	if failed || problems.Errors() > 0 || *strict && len(problems) > 0 {
		return 1
	}
	return 0
}

// foundByStart are the errors of a file which has others that only a start finds, so that all are told at once.
func foundByStart(source config.Source) config.Problems {
	source.Strict = false
	cfg, err := source.Start(context.Background())
	if err != nil {
		return nil
	}
	return server.LeftOut(cfg)[len(cfg.LeftOut):]
}

// keptPrices is a configuration with the list of prices that its price_source has, as far as that can be read without
// asking anybody, and what is to be said of it; "" where it has none.
func keptPrices(cfg *config.Config, data string) (*config.Config, string) {
	source := cfg.Preferences.PriceSource
	if source == (config.PriceSource{}) {
		return cfg, ""
	}
	_, list, err := pricelist.Kept(filepath.Join(data, pricelist.Folder), source)
	switch {
	case err == nil:
		return cfg.WithPrices(list), fmt.Sprintf("list prices: %d of %s, by price_source %s\n", list.Len(), list.Date, source)
	case source.URL != "" && errors.Is(err, fs.ErrNotExist):
		return cfg, fmt.Sprintf("list prices: nothing is kept yet of price_source %s; the program's own hold until it has been fetched\n", source)
	}
	fmt.Fprintf(complaints{}, "%s: price_source %s cannot be used, so the program's own list prices hold: %v\n", config.Warning, source, err)
	return cfg, ""
}

// askAll asks all providers, prints a line of each, and says whether all that were asked have answered well.
func askAll(w io.Writer, cfg *config.Config, within time.Duration) bool {
	var widths [3]int
	asked, failed := 0, 0
	plan := func(all []server.Asked) {
		fmt.Fprintln(w, "asked, in the order of the file:")
		for _, a := range all {
			for i, word := range [...]string{a.Provider, a.Key, a.Model} {
				widths[i] = max(widths[i], utf8.RuneCountInString(word), 1)
			}
		}
	}
	err := server.AskAll(cfg, within, plan, func(a server.Asked) {
		line := "  "
		for i, word := range [...]string{a.Provider, a.Key, a.Model} {
			line += fmt.Sprintf("%-*s  ", widths[i], cmp.Or(word, "-"))
		}
		if a.LeftOut != "" {
			fmt.Fprintln(w, line+a.LeftOut)
			return
		}
		status := "-" // there was no answer
		if a.Status != 0 {
			status = fmt.Sprint(a.Status)
		}
		line += fmt.Sprintf("%3s %7.2fs  ", status, a.Took.Seconds())
		if asked++; a.Wrong != "" {
			failed++
			line += a.Wrong
		} else {
			line += "good"
		}
		if a.Wrong != "" && a.Address != "" && !strings.Contains(a.Wrong, a.Address) {
			line += " (asked at " + a.Address + ")"
		}
		fmt.Fprintln(w, line)
	})
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api check --ask:", err)
		return false
	}
	fmt.Fprintf(w, "%d of %d answered well\n", asked-failed, asked)
	return failed == 0
}
