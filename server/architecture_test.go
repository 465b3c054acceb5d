package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the direction of imports: main → server → {balancer, pool/provider,
// codec, usage} → config. Packages below one of these follow its rule, unless they
// have their own.
var mayImport = map[string][]string{
	"config":                   {"codec/capability", "config/price"}, // what users may say of hosts and models
	"config/price":             {},
	"config/price/renew":       {"config/price"}, // makes the list
	"codec":                    {"codec"},
	"codec/capability":         {},
	"balancer":                 {"balancer/breaker", "balancer/limit", "balancer/schedule", "config"},
	"balancer/breaker":         {},
	"balancer/limit":           {"config"},
	"balancer/schedule":        {"config"},
	"pool":                     {"pool/tcp"}, // a transport, which could be published
	"pool/provider":            {"config", "codec", "pool"},
	"pool/fetch":               {"config", "pool"},
	"usage":                    {"usage/credit", "config", "codec"},
	"cluster":                  {"balancer/breaker", "balancer/limit", "usage/credit", "codec/saturate", "config"}, // the shared forms of their stores
	"e2e":                      {},                                                                                 // tests only
	"server/budget":            {},
	"server/idempotency":       {},
	"server/alerts":            {"config"},
	"server/pricelist":         {"config"},
	"server/requestlog":        {},
	"server/capture":           {"server/budget"},
	"server/entry":             {"pool", "server/budget", "server/conn", "server/telemetry"}, // what comes, before it is a request
	"server/queue":             {},
	"server/conn":              {"pool", "server/budget"},                                                                                                          // the clients' end; it knows nothing of what is asked
	"server/respond":           {"codec"},                                                                                                                          // answers of our own
	"server/admin":             {"server/capture", "server/respond", "server/telemetry", "balancer", "pool", "codec", "usage", "config"},                           // it asks the gateway by an interface
	"server/discovery":         {"config", "pool"},                                                                                                                 // which models there are; it knows nothing of requests
	"server/telemetry":         {"codec", "config", "server/conn"},                                                                                                 // log and redactor
	"server/telemetry/metrics": {"server/conn", "server/idempotency", "server/queue", "server/telemetry", "balancer", "pool", "usage", "codec/saturate", "config"}, // what is counted, and the page that tells it
	"server/telemetry/tracing": {"server/telemetry/tracing"},                                                                                                       // what an OpenTelemetry collector is told; it knows nothing of how requests are served
	"server/servertest":        {"config", "codec/eventstream", "pool/pooltest"},                                                                                   // what tests of rooms share
	"server/media":             {"codec", "pool/fetch", "server/budget"},                                                                                           // images and files by address, for whoever cannot fetch them
	"server/relay":             {"pool", "codec", "server/budget", "server/capture", "server/conn", "server/idempotency"},                                          // how an answer goes to its client; it knows neither plans nor prices
	"server":                   {"server", "balancer", "cluster", "pool", "codec", "usage", "config"},
	"server/command":           {"server", "balancer", "cluster", "pool", "codec", "usage", "config", "loadtest"}, // the command line, which has the mock too
}

// roomOf is the package whose rule a file follows.
func roomOf(path string) string {
	folder := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(filepath.ToSlash(path), "../")))
	for mayImport[folder] == nil && strings.Contains(folder, "/") {
		folder = folder[:strings.LastIndexByte(folder, '/')]
	}
	return folder
}

func TestImportsPointOneWay(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		room := roomOf(path)
		allowed, ruled := mayImport[room]
		if !ruled {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imported := range file.Imports {
			name, _ := strconv.Unquote(imported.Path.Value)
			ours, found := strings.CutPrefix(name, "uniapi/")
			if !found {
				continue
			}
			if !slices.ContainsFunc(allowed, func(a string) bool { return ours == a || strings.HasPrefix(ours, a+"/") }) {
				t.Errorf("%s imports %s; %s may import %q", path, name, room, allowed)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTestsThatTheArchitectureNamesAreThere(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(page), -1) {
		named[name] = true
	}
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, line := range strings.Split(string(text), "\n") {
			if rest, is := strings.CutPrefix(line, "func "); is {
				name, _, _ := strings.Cut(rest, "(")
				delete(named, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range named {
		t.Errorf("docs/architecture.md names %s, and there is no such test", name)
	}
}

// ours are the names of the functions, methods and types of the program: of a method with
// its receiver and without, of a function with its package and without.
func ours(t *testing.T) map[string]bool {
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		add := func(of, name string) { names[name], names[of+"."+name] = true, true }
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, is := spec.(*ast.TypeSpec); is {
						add(file.Name.Name, s.Name.Name)
					}
				}
			case *ast.FuncDecl:
				of := file.Name.Name
				if d.Recv != nil {
					of = strings.TrimLeft(types.ExprString(d.Recv.List[0].Type), "*")
					add(file.Name.Name+"."+of, d.Name.Name)
				}
				add(of, d.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestLifeOfARequestNamesWhatIsThere(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, life, begins := strings.Cut(string(page), "\n## The life of a request\n")
	life, _, ends := strings.Cut(life, "\n## What clients speak\n")
	if !begins || !ends {
		t.Fatal("docs/architecture.md has no life of a request in front of what clients speak")
	}
	names, found := ours(t), 0
	for _, m := range regexp.MustCompile("`([\\w./]+)`").FindAllStringSubmatch(life, -1) {
		name := m[1]
		switch {
		case strings.Contains(name, "/"):
			if _, err := os.Stat("../" + name); err != nil {
				t.Errorf("docs/architecture.md names %s, and there is no such file", name)
			}
		case !names[name]:
			t.Errorf("docs/architecture.md names %s, and there is no such function or type", name)
		}
		found++
	}
	picture, err := os.ReadFile("../docs/architecture.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`class="name"[^>]*>([^<]+)<`).FindAllStringSubmatch(string(picture), -1) {
		for _, name := range regexp.MustCompile(`\w+(?:\.\w+)+`).FindAllString(m[1], -1) {
			if found++; !names[name] {
				t.Errorf("docs/architecture.svg names %s, and there is no such function or type", name)
			}
		}
	}
	if found < 80 {
		t.Errorf("only %d names were found: they are looked for in the wrong place", found)
	}
}

// wholes are the types of many members that are no stage of a request: what all requests share, and values in which a
// member stands for a member of a format.
var wholes = map[string]string{
	"server.Server":    "the gateway",
	"codec.Request":    "the neutral request, which formats are translated to and from",
	"codec.Usage":      "what providers count, a member for each",
	"codec.Properties": "what a format is like, one value for each",
	"server.Options":   "how the gateway is set",
}

func TestTypesOnTheWayOfARequestHaveTwentyMembersAtMost(t *testing.T) {
	const most = 20
	var met []string
	for _, folder := range []string{"server", "server/relay", "server/conn", "server/entry", "server/budget", "balancer", "balancer/limit", "balancer/breaker", "balancer/schedule", "pool", "pool/tcp", "pool/provider",
		"codec", "codec/front", "codec/passthrough", "codec/sse", "codec/formats/openai", "codec/formats/anthropic", "codec/formats/gemini", "codec/formats/responses"} {
		files, err := filepath.Glob("../" + folder + "/*.go")
		if err != nil || files == nil {
			t.Fatal(folder, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, is := n.(*ast.TypeSpec)
				if !is {
					return true
				}
				body, is := spec.Type.(*ast.StructType)
				if !is {
					return true
				}
				members, whole := 0, file.Name.Name+"."+spec.Name.Name
				for _, field := range body.Fields.List {
					members += max(len(field.Names), 1)
				}
				if _, known := wholes[whole]; known {
					met = append(met, whole)
				} else if members > most {
					t.Errorf("%s in %s has %d members: what belongs together is a type of its own", whole, name, members)
				}
				return true
			})
		}
	}
	for whole := range wholes {
		if !slices.Contains(met, whole) {
			t.Errorf("there is no %s", whole)
		}
	}
}
