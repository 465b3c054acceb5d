package command

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"uniapi/config"
)

// Colours of a terminal.
const (
	bold, red, yellow, plain = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
)

// printProblems prints each problem on a line of its own, in colours if that is wanted.
func printProblems(w io.Writer, colours bool, problems config.Problems) {
	for _, p := range problems {
		if !colours {
			fmt.Fprintln(w, p)
			continue
		}
		of := red
		if p.Severity == config.Warning {
			of = yellow
		}
		fmt.Fprintf(w, "%s%s:%s %s%s%s:%s %s\n", bold, p.Place(), plain, bold, of, p.Severity, plain, p.Message)
	}
}

// coloured says whether a file is a terminal whose user has nothing against colours.
func coloured(f *os.File) bool {
	return isTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// problemsIn are what is wrong with a file that could not be loaded, nil where that is not why.
func problemsIn(err error) config.Problems {
	if unusable, is := errors.AsType[*config.Unusable](err); is {
		return unusable.All()
	}
	problems, _ := errors.AsType[config.Problems](err)
	return problems
}

// logProblems logs each problem as a line of its own.
func logProblems(log *slog.Logger, problems config.Problems) {
	for _, p := range problems {
		if p.Severity == config.Warning {
			log.Warn("in the configuration", "problem", p.String())
		} else {
			log.Error("in the configuration", "problem", p.String())
		}
	}
}
