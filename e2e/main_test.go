// Package e2e tests the built program from outside: what is written in the documents against what clients and providers
// see.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// program is the path of the built program.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "uni-api-e2e-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "uni-api")
	tool := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v0-e2e", "-o", program, "..") // as make build does
	tool.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := tool.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil { // what runs beside each other mostly waits
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// run runs the program to its end in a folder, with nothing in its environment but what is given, and returns what it
// printed to both outputs.
func run(t *testing.T, dir string, env []string, args ...string) (printed string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append([]string{"HOME=" + dir}, env...), &out, &out
	err := cmd.Run()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), code
}
