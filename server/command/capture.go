package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"uniapi/server/admin"
	"uniapi/server/capture"
	"uniapi/server/requestlog"
)

// captured writes a request that was kept with all that was said, or the next one of a client key, as a file that
// others may see.
func captured(args []string) int {
	flags := flag.NewFlagSet("uni-api capture", flag.ContinueOnError)
	data := flags.String("data", "./data", "the gateway's data folder, as serve has it")
	out := flags.String("out", "", "the file to write; without it the capture is printed")
	next := flags.Bool("next", false, "wait for the next request of --key at the gateway that runs, instead of one that was kept")
	key := flags.String("key", "", "with --next: the role of the client key, or the key as it is masked; or the key itself, better in the environment's UNI_API_KEY, which no list of processes shows")
	base := flags.String("url", "http://localhost:8000", "with --next: the gateway's address")
	adminKey := flags.String("admin-key", "", "with --next: an admin key; better the environment's UNI_API_ADMIN_KEY, which no list of processes shows")
	wait := flags.Duration("wait", 5*time.Minute, "with --next: how long to wait for a request, at most an hour")
	id := ""
	if code, stop := parse(flags, args, &id); stop {
		return code
	}
	if *key = cmp.Or(*key, os.Getenv("UNI_API_KEY")); *next && *key == "" {
		misused(flags.Name(), errors.New("--next needs --key, the role of a client key, or the environment's UNI_API_KEY"))
		return 2
	}
	if *next == (id != "") {
		misused(flags.Name(), errors.New("it needs either --next, or the id of a request: its X-Request-Id, which uni-api requests lists"))
		return 2
	}
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt)
	defer end()
	err := func() error {
		if !*next {
			return writeKept(ctx, filepath.Join(*data, requestlog.Folder), id, *out)
		}
		told := func(aliases []string) {
			fmt.Fprintf(complaints{}, "waiting for the next request of %s, for %v at most\n", plainly(fmt.Sprint(aliases)), *wait)
		}
		f, err := admin.CaptureLive(ctx, *base, cmp.Or(*adminKey, os.Getenv("UNI_API_ADMIN_KEY")), *key, *wait, told)
		if err != nil {
			return err
		}
		return writeFile(f, *out)
	}()
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api capture:", err)
		return 1
	}
	return 0
}

// writeKept writes a request that was kept.
func writeKept(ctx context.Context, folder, id, out string) error {
	if _, err := os.Stat(folder); err != nil {
		return fmt.Errorf("no requests are kept there: %w; request_log: bodies below preferences in api.yaml keeps them, and --data names the gateway's data folder. --next needs neither", err)
	}
	page, err := requestlog.Search(ctx, folder, requestlog.Query{ID: id, Limit: 1, Bodies: true})
	switch {
	case err != nil:
		return err
	case len(page.Found) == 0:
		return errors.New("no request with that id is kept")
	case page.Found[0].Exchange() == nil:
		return errors.New("of that request only metadata is kept: set request_log: bodies below preferences in api.yaml and send it again, or capture it with --next. Of a request that was refused before its body was read there is nothing more")
	}
	var e capture.Exchange
	if err := json.Unmarshal(page.Found[0].Exchange(), &e); err != nil {
		return fmt.Errorf("what was kept of it cannot be read: %w", err)
	}
	if e.Client.Request == nil {
		return errors.New("what was kept of it has no request of the client's")
	}
	return writeFile(e.File([]byte(rand.Text())), out)
}

func writeFile(f *capture.File, out string) error {
	text, err := f.JSON()
	if err != nil {
		return err
	}
	if out == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	if err := os.WriteFile(out, text, 0o600); err != nil {
		return err
	}
	fmt.Printf("%s: %d attempts, %d bytes. Texts, hosts and keys are replaced; names of models and tools are not. Look through it before you show it\n", out, len(f.Attempts), len(text))
	return nil
}
