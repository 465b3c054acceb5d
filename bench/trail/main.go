// Command trail prints what functions of the gateway one plain request that passes
// untranslated goes through, file by file. It must be built with
//
//	go build -cover -covermode=atomic -coverpkg=uniapi/...
//
// as `make trail` does. Functions that a request shares with the background (timers,
// sweeps) count too if they ran meanwhile.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime/coverage"
	"slices"
	"strings"

	"uniapi/config"
	"uniapi/loadtest"
	"uniapi/server"
)

const (
	key     = "sk-trail-0123456789abcdefghijklmn"
	request = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
)

func main() {
	room := flag.String("room", "server", "the folder whose functions are listed")
	flag.Parse()
	if err := run(*room); err != nil {
		log.Fatal(err)
	}
}

func run(room string) error {
	mock := &loadtest.Mock{}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go mock.Serve(upstream)
	defer mock.Close()

	text := fmt.Sprintf("providers:\n  - provider: p\n    base_url: http://%s/v1/chat/completions\n    api: sk-upstream-0123456789abcdefgh\n    model: [m]\napi_keys:\n  - api: %s\n",
		upstream.Addr(), key)
	cfg, err := config.Parse("api.yaml", []byte(text), os.Getenv)
	if err != nil {
		return err
	}
	gateway, err := server.New(server.Options{Config: cfg})
	if err != nil {
		return err
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go gateway.Serve(front.(*net.TCPListener))
	address := "http://" + front.Addr().String() + "/v1/chat/completions"
	for range 3 { // what is made once has been made
		if err := ask(address); err != nil {
			return err
		}
	}
	if err := coverage.ClearCounters(); err != nil {
		return fmt.Errorf("%w: build it as `make trail` does", err)
	}
	if err := ask(address); err != nil {
		return err
	}
	return tell(room)
}

func ask(address string) error {
	r, err := http.NewRequest("POST", address, strings.NewReader(request))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

// touched is a function that has run, as `go tool covdata func` prints it.
var touched = regexp.MustCompile(`^(?:uniapi/)?(\S+?):(\d+):\s+(\S+)\s+([\d.]+)%`)

// tell prints the functions in a room that have run since the counters were cleared.
func tell(room string) error {
	dir, err := os.MkdirTemp("", "trail")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := coverage.WriteMetaDir(dir); err != nil {
		return err
	}
	if err := coverage.WriteCountersDir(dir); err != nil {
		return err
	}
	out, err := exec.Command("go", "tool", "covdata", "func", "-i="+dir).Output()
	if err != nil {
		return err
	}
	files := map[string][]string{}
	functions := 0
	for line := range bytes.Lines(out) {
		m := touched.FindSubmatch(line)
		if m == nil || string(m[4]) == "0.0" || path.Dir(string(m[1])) != room {
			continue
		}
		files[string(m[1])] = append(files[string(m[1])], string(m[3]))
		functions++
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%-32s %s\n", name, strings.Join(files[name], " "))
	}
	fmt.Printf("%d functions in %d files of %s\n", functions, len(files), room)
	return nil
}
