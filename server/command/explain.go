package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"uniapi/config"
	"uniapi/server"
)

func explain(args []string) int {
	flags := flag.NewFlagSet("uni-api explain", flag.ContinueOnError)
	key := flags.String("key", "", "the API key that asks, or its role")
	model := flags.String("model", "", "the model it asks for; default the one in --body")
	endpoint := flags.String("endpoint", "/v1/chat/completions", "the path that is asked")
	bodyFile := flags.String("body", "", "a file with the body of the request, for rules that look at more of it than its model; - is standard input")
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	base := flags.String("url", "", "ask the gateway running there instead, e.g. http://localhost:8000")
	admin := flags.String("admin-key", "", "an admin key, for --url; default the environment's UNI_API_ADMIN_KEY")
	if code, stop := parse(flags, args); stop {
		return code
	}
	if *key == "" || *model == "" && *bodyFile == "" {
		fmt.Fprintln(os.Stderr, "uni-api explain: it needs --key, and --model or --body")
		return 2
	}
	if *admin == "" { // no default of the flag, which --help would print
		*admin = os.Getenv("UNI_API_ADMIN_KEY")
	}
	question := server.Question{Key: *key, Model: *model, Endpoint: *endpoint}
	err := func() (err error) {
		switch *bodyFile {
		case "":
		case "-":
			question.Body, err = io.ReadAll(os.Stdin)
		default:
			question.Body, err = os.ReadFile(*bodyFile)
		}
		if err != nil {
			return fmt.Errorf("--body: %w", err)
		}
		if *base != "" {
			return server.ExplainLive(os.Stdout, *base, *admin, question)
		}
		cfg, err := config.Resolve(*path, os.Getenv).Start(context.Background())
		if err != nil {
			return err
		}
		return server.Explain(os.Stdout, cfg, question)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uni-api explain:", err)
		return 1
	}
	return 0
}
