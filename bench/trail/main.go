// Command trail prints what functions of the gateway one plain request that passes
// untranslated goes through, file by file. It must be built with
//
//	go build -cover -covermode=atomic -coverpkg=uniapi/...
//
// as `make trail` does. Functions that a request shares with the background (timers,
// sweeps) count too if they ran meanwhile.
//
// With --page it fails where a page says otherwise: a table there has a row for each file, with the functions in
// backticks.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"runtime/coverage"
	"runtime/debug"
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
	folders := flag.String("rooms", "server,server/relay", "the folders whose functions are listed")
	page := flag.String("page", "", "a page that lists them: fail where it does so otherwise")
	functions := flag.Int("functions", 0, "fail if there are more; 0 is any number")
	files := flag.Int("files", 0, "fail if they stand in more files; 0 is any number")
	flag.Parse()
	rooms := strings.Split(*folders, ",")
	went, err := walk(rooms)
	if err != nil {
		log.Fatal(err)
	}
	n := tell(os.Stdout, rooms, went)
	if *functions > 0 && n > *functions || *files > 0 && len(went) > *files {
		log.Fatalf("a plain request may go through %d functions in %d files: what only some requests need is not to be called for it", *functions, *files)
	}
	if *page != "" {
		text, err := os.ReadFile(*page)
		if err != nil {
			log.Fatal(err)
		}
		if wrong := differences(went, listed(string(text), rooms)); len(wrong) > 0 {
			log.Fatalf("%s says otherwise:\n%s", *page, strings.Join(wrong, "\n"))
		}
	}
}

// walk has a gateway serve a plain request, and returns the functions of some folders that it went through, by file.
func walk(rooms []string) (map[string][]string, error) {
	// What requests leave for the next is kept by processors, until a collection: a request that finds nothing asks for
	// room for its body, and its way is longer.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	mock := &loadtest.Mock{}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go mock.Serve(upstream)
	defer mock.Close()

	text := fmt.Sprintf("providers:\n  - provider: p\n    base_url: http://%s/v1/chat/completions\n    api: sk-upstream-0123456789abcdefgh\n    model: [m]\napi_keys:\n  - api: %s\n    role: user\n",
		upstream.Addr(), key)
	cfg, err := config.Parse("api.yaml", []byte(text), os.Getenv)
	if err != nil {
		return nil, err
	}
	gateway, err := server.New(server.Options{Config: cfg})
	if err != nil {
		return nil, err
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go gateway.Serve(front.(*net.TCPListener))
	address := "http://" + front.Addr().String() + "/v1/chat/completions"
	for range 3 { // what is made once has been made
		if err := ask(address); err != nil {
			return nil, err
		}
	}
	if err := coverage.ClearCounters(); err != nil {
		return nil, fmt.Errorf("%w: build it as `make trail` does", err)
	}
	if err := ask(address); err != nil {
		return nil, err
	}
	return touchedIn(rooms)
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

// touchedIn are the functions in some folders that have run since the counters were cleared.
func touchedIn(rooms []string) (map[string][]string, error) {
	dir, err := os.MkdirTemp("", "trail")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := coverage.WriteMetaDir(dir); err != nil {
		return nil, err
	}
	if err := coverage.WriteCountersDir(dir); err != nil {
		return nil, err
	}
	out, err := exec.Command("go", "tool", "covdata", "func", "-i="+dir).Output()
	if err != nil {
		return nil, err
	}
	went := map[string][]string{}
	for line := range bytes.Lines(out) {
		m := touched.FindSubmatch(line)
		if m == nil || string(m[4]) == "0.0" || !slices.Contains(rooms, path.Dir(string(m[1]))) {
			continue
		}
		went[string(m[1])] = append(went[string(m[1])], strings.TrimLeft(string(m[3]), "*"))
	}
	return went, nil
}

// tell prints them and says how many there are.
func tell(w io.Writer, rooms []string, went map[string][]string) (functions int) {
	for _, name := range slices.Sorted(maps.Keys(went)) {
		fmt.Fprintf(w, "%-32s %s\n", name, strings.Join(went[name], " "))
		functions += len(went[name])
	}
	fmt.Fprintf(w, "%d functions in %d files of %s\n", functions, len(went), strings.Join(rooms, " and "))
	return functions
}

// row is a row of a table whose first cell is a file and whose second cell names functions of it.
var row, quoted = regexp.MustCompile("(?m)^\\| `(\\S+\\.go)` \\| (`[^|]*) \\|"), regexp.MustCompile("`([^`]+)`")

// listed are the functions of some folders that a page lists in such rows.
func listed(page string, rooms []string) map[string][]string {
	all := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		if !slices.Contains(rooms, path.Dir(m[1])) {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(m[2], -1) {
			all[m[1]] = append(all[m[1]], name[1])
		}
	}
	return all
}

// differences says of each function that is in one of both alone where it is.
func differences(went, listed map[string][]string) (wrong []string) {
	say := func(these, those map[string][]string, what string) {
		for _, file := range slices.Sorted(maps.Keys(these)) {
			for _, name := range these[file] {
				if !slices.Contains(those[file], name) {
					wrong = append(wrong, file+": "+name+" "+what)
				}
			}
		}
	}
	say(went, listed, "is passed and not listed")
	say(listed, went, "is listed and not passed")
	return wrong
}
