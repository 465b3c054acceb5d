package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"uniapi/config"
	"uniapi/server"
	"uniapi/server/admin"
	"uniapi/server/command/doctor"
)

func explain(args []string) int {
	flags := flag.NewFlagSet("uni-api explain", flag.ContinueOnError)
	key := flags.String("key", "", "the API key that asks, or its role; better the environment's UNI_API_KEY, which no list of processes shows")
	model := flags.String("model", "", "the model it asks for; default the one in --body")
	endpoint := flags.String("endpoint", "/v1/chat/completions", "the path that is asked")
	bodyFile := flags.String("body", "", "a file with the body of the request, for rules that look at more of it than its model; - is standard input")
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	base := flags.String("url", "", "ask the gateway running there instead, e.g. http://localhost:8000")
	adminKey := flags.String("admin-key", "", "an admin key, for --url; better the environment's UNI_API_ADMIN_KEY, which no list of processes shows")
	if code, stop := parse(flags, args); stop {
		return code
	}
	if *key == "" {
		*key = os.Getenv("UNI_API_KEY")
	}
	if *key == "" || *model == "" && *bodyFile == "" {
		fmt.Fprintln(complaints{}, "uni-api explain: it needs --key or the environment's UNI_API_KEY, and --model or --body")
		return 2
	}
	if *adminKey == "" { // no default of the flag, which --help would print
		*adminKey = os.Getenv("UNI_API_ADMIN_KEY")
	}
	if *base != "" {
		address, err := doctor.GatewayAddress(*base)
		if err != nil {
			misused(flags.Name(), fmt.Errorf("--url: %w", err))
			return 2
		}
		*base = address.String()
	}
	question := admin.Question{Key: *key, Model: *model, Endpoint: *endpoint}
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
			return admin.ExplainLive(os.Stdout, *base, *adminKey, question)
		}
		cfg, err := config.Resolve(*path, os.Getenv).Start(context.Background())
		if err != nil {
			return err
		}
		for _, lost := range cfg.LeftOut { // or who asks would wonder where it is
			fmt.Fprintln(complaints{}, "left out:", lost.Lost())
		}
		return server.Explain(os.Stdout, cfg, question)
	}()
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api explain:", err)
		return 1
	}
	return 0
}
