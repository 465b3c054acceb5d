package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"uniapi/config"
	"uniapi/config/price"
	"uniapi/usage"
)

// reconcile compares the books with what a provider says was used.
func reconcile(args []string) int {
	flags := flag.NewFlagSet("uni-api reconcile", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml, for what providers call the models; default ./api.yaml, else what CONFIG_URL names")
	data := flags.String("data", "./data", "folder of the ledger, as serve has it; the gateway must be stopped")
	provider := flags.String("provider", "", "the provider of api.yaml that the export is of; without it all are added up")
	tolerance := flags.Float64("tolerance", 1, "per cent by which tokens and costs may differ, beside a cent a day")
	file := ""
	if code, stop := parse(flags, args, &file); stop {
		return code
	}
	if file == "" || !(*tolerance >= 0 && *tolerance <= 100) {
		misused(flags.Name(), errors.New("it needs a provider's export as CSV, and a --tolerance from 0 to 100"))
		return 2
	}
	agrees, err := compare(os.Stdout, file, *path, *data, *provider, *tolerance/100)
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api reconcile:", stopped(err))
		return 1
	}
	if !agrees {
		return 1
	}
	return 0
}

func compare(w io.Writer, file, path, data, provider string, tolerance float64) (agrees bool, err error) {
	from := os.Stdin
	if file != "-" {
		if from, err = os.Open(file); err != nil {
			return false, err
		}
		defer from.Close()
	}
	theirs, err := usage.ReadStatement(from)
	if err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	cfg, err := config.Resolve(path, os.Getenv).Load(context.Background())
	if err != nil {
		return false, fmt.Errorf("what providers call the models is in the configuration, which cannot be used: %w", err)
	}
	if provider != "" && !slices.ContainsFunc(cfg.Providers, func(p *config.Provider) bool { return p.Name == provider }) {
		return false, fmt.Errorf("api.yaml has no provider %q", provider)
	}
	ledger, err := ledgerOptions(data)
	if err != nil {
		return false, err
	}
	ours, err := usage.Daily(ledger, cfg, provider, theirs.From, theirs.To)
	if err != nil {
		return false, err
	}
	return printCompared(w, together(ours), together(theirs.Days), theirs, tolerance), nil
}

// together adds up the states of each model, which the two sides may name or not.
func together(days map[usage.DayModel]*usage.Spent) map[usage.DayModel]usage.Spent {
	sums := make(map[usage.DayModel]usage.Spent)
	for of, spent := range days {
		of.Model = price.Unversioned(usage.StatedModel(of.Model))
		sum := sums[of]
		sum.Add(*spent)
		sums[of] = sum
	}
	return sums
}

// cent is a difference that nobody looks into.
const cent = 10_000_000

// printCompared prints the days and models that differ, and says whether there are none.
func printCompared(w io.Writer, ours, theirs map[usage.DayModel]usage.Spent, s *usage.Statement, tolerance float64) bool {
	all := make(map[usage.DayModel]bool)
	for of := range ours {
		all[of] = true
	}
	for of := range theirs {
		all[of] = true
	}
	order := slices.SortedFunc(maps.Keys(all), func(a, b usage.DayModel) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Model, b.Model))
	})
	apart := func(a, b, least int64) bool {
		by := max(a-b, b-a)
		return by > least && float64(by) > tolerance*float64(max(a, b))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	different := 0
	var sumOurs, sumTheirs usage.Spent
	for _, of := range order {
		a, b := ours[of], theirs[of]
		sumOurs.Add(a)
		sumTheirs.Add(b)
		tokens := s.HasTokens && (apart(a.Input, b.Input, 0) || apart(a.Output, b.Output, 0))
		if !tokens && !(s.Cost && apart(a.Cost, b.Cost, cent)) {
			continue
		}
		if different++; different == 1 {
			fmt.Fprintln(table, "DAY\tMODEL\tINPUT, OURS\tTHEIRS\tOUTPUT, OURS\tTHEIRS\tCOST, OURS\tTHEIRS")
		}
		fmt.Fprintln(table, time.Unix(of.Day, 0).UTC().Format(time.DateOnly)+"\t"+plainly(of.Model)+"\t"+columns(a, b, s))
	}
	if different > 0 {
		fmt.Fprintln(table, "in all\t\t"+columns(sumOurs, sumTheirs, s))
	}
	_ = table.Flush()
	fmt.Fprintf(w, "%d of %d days and models agree within %g %%\n", len(order)-different, len(order), tolerance*100)
	return different == 0
}

func columns(a, b usage.Spent, s *usage.Statement) string {
	input, output, cost := "-", "-", "-"
	if s.HasTokens {
		input, output = fmt.Sprint(b.Input), fmt.Sprint(b.Output)
	}
	if s.Cost {
		cost = usage.Dollars(b.Cost)
	}
	return fmt.Sprintf("%d\t%s\t%d\t%s\t%s\t%s", a.Input, input, a.Output, output, usage.Dollars(a.Cost), cost)
}
