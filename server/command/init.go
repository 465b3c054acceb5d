package command

import (
	"bufio"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"uniapi/config"
	"uniapi/server/admin"
)

// known are the providers that init knows by name, with what their documentation gives as the address and the usual
// variable of the key.
var known = []struct{ name, address, variable string }{
	{"openai", "https://api.openai.com/v1/chat/completions", "OPENAI_API_KEY"},
	{"anthropic", "https://api.anthropic.com/v1/messages", "ANTHROPIC_API_KEY"},
	{"gemini", "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY"},
	{"openrouter", "https://openrouter.ai/api/v1/chat/completions", "OPENROUTER_API_KEY"},
	{"deepseek", "https://api.deepseek.com/chat/completions", "DEEPSEEK_API_KEY"},
	{"groq", "https://api.groq.com/openai/v1/chat/completions", "GROQ_API_KEY"},
	{"mistral", "https://api.mistral.ai/v1/chat/completions", "MISTRAL_API_KEY"},
	{"xai", "https://api.x.ai/v1/chat/completions", "XAI_API_KEY"},
	{"moonshot", "https://api.moonshot.ai/v1/chat/completions", "MOONSHOT_API_KEY"},
}

// first is what the first file is made of.
type first struct {
	provider, address string
	key               string // as it stands in the file: the key itself, or ${NAME}; empty for a provider that wants none
	models            []string
	client            string // the client key
}

func initialise(args []string) int {
	flags := flag.NewFlagSet("uni-api init", flag.ContinueOnError)
	provider := flags.String("provider", "", "the provider: "+strings.Join(knownNames(), ", ")+", its address, or a name of your choice with --base-url")
	address := flags.String("base-url", "", "its address, for one that has no name here, e.g. http://127.0.0.1:11434/v1")
	key := flags.String("key", "", "its key; - reads it from standard input. Without it the file takes the key from the environment")
	variable := flags.String("key-env", "", "the environment variable that has the key; default the provider's usual one, e.g. OPENAI_API_KEY")
	models := flags.String("model", "", "the models to offer, with commas between them; without it the provider is asked what it has")
	path := flags.String("out", config.DefaultPath, "the file to write; never one that is there, unless --force")
	force := flags.Bool("force", false, "write over a file that is there")
	if code, stop := parse(flags, args); stop {
		return code
	}
	err := func() (err error) {
		if _, err := os.Lstat(*path); err == nil && !*force {
			return fmt.Errorf("%s is there already; name another file with --out, or write over it with --force", *path)
		}
		f := first{provider: *provider, address: *address, client: admin.NewKey()}
		if *models != "" {
			f.models = strings.Split(*models, ",")
		}
		questions := newQuestions(os.Stdin, os.Stdout)
		defer questions.end()
		if f.provider == "" && f.address == "" {
			if !questions.terminal {
				return errors.New("there is no terminal to ask on; give --provider (" + strings.Join(knownNames(), ", ") + "), or --base-url")
			}
			if f.provider, err = questions.ask("Provider ("+strings.Join(knownNames(), ", ")+", or the address of another)", "openai"); err != nil {
				return err
			}
		}
		usual, err := f.locate()
		if err != nil {
			return err
		}
		switch {
		case *key == "-" && questions.terminal:
			if f.key, err = questions.secret("Its key"); err != nil {
				return err
			}
		case *key == "-":
			if f.key, err = piped(os.Stdin); err != nil {
				return fmt.Errorf("reading the key: %w", err)
			}
		case *key != "":
			f.key = *key
		case *variable != "" && !variableName.MatchString(*variable):
			return fmt.Errorf("--key-env: %q is no name of a variable; it may hold letters, digits and _", *variable)
		case *variable != "":
			f.key = "${" + *variable + "}"
		case questions.terminal:
			empty := "empty: there is none"
			if usual != "" {
				empty = "empty: it is in the environment's " + usual
			}
			if f.key, err = questions.secret("Its key (" + empty + ")"); err != nil {
				return err
			}
		}
		if f.key == "" && usual != "" {
			f.key = "${" + usual + "}"
		}
		questions.end()
		return f.write(*path, *force)
	}()
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api init:", err)
		return 1
	}
	return 0
}

// variableName is what ${NAME} reads.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func knownNames() []string {
	names := make([]string, len(known))
	for i := range known {
		names[i] = known[i].name
	}
	return names
}

// locate finds the address, or the name, that is not given, and the usual variable of the key.
func (f *first) locate() (variable string, err error) {
	if strings.Contains(f.provider, "://") && f.address == "" {
		f.provider, f.address = "", f.provider
	}
	at := slices.Index(knownNames(), strings.ToLower(f.provider))
	switch {
	case f.address != "":
		u, err := url.Parse(f.address)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("the address %q is no URL; write https://HOST/PATH", f.address)
		}
		if f.provider == "" {
			if at = knownHost(u.Hostname()); at >= 0 {
				f.provider = known[at].name
			} else {
				f.provider = u.Hostname()
			}
		}
	case at < 0:
		return "", fmt.Errorf("provider %q has no address here; give it by --base-url, or name one of %s", f.provider, strings.Join(knownNames(), ", "))
	default:
		f.provider, f.address = known[at].name, known[at].address
	}
	if at >= 0 {
		variable = known[at].variable
	}
	return variable, nil
}

// knownHost is which of the known providers lives at a host, or -1.
func knownHost(host string) int {
	for i := range known {
		if u, err := url.Parse(known[i].address); err == nil && strings.EqualFold(u.Hostname(), host) {
			return i
		}
	}
	return -1
}

// unquoted is a text that YAML reads as it stands, whatever stands around it.
var unquoted = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_${}./:-]*[A-Za-z0-9_}/-]$`)

// value is a text as YAML.
func value(text string) string {
	if unquoted.MatchString(text) && !strings.Contains(text, ": ") {
		return text
	}
	return strconv.Quote(text)
}

// text is the file.
func (f *first) text() string {
	var b strings.Builder
	line := func(text, comment string) { fmt.Fprintf(&b, "%-64s # %s\n", text, comment) }
	b.WriteString("# What can stand here: docs/reference.md. What is wrong with it: uni-api check.\n")
	line("providers:", "they are tried in this order")
	line("  - provider: "+value(f.provider), "a name of your choice, for rules, logs and statistics")
	line("    base_url: "+value(f.address), "where it is asked")
	if f.key != "" {
		line("    api: "+value(f.key), "its key, or a list of keys, which are used in turn")
	}
	if f.models == nil {
		line("    # model: [NAME, NAME: ALIAS]", "without it the provider is asked what it has; ALIAS is what clients ask for")
	} else {
		line("    model:", "what it offers; NAME: ALIAS gives a model another name for clients")
		for _, m := range f.models {
			fmt.Fprintf(&b, "      - %s\n", value(strings.TrimSpace(m)))
		}
	}
	b.WriteString("\napi_keys:\n")
	line("  - api: "+f.client, "what clients send; uni-api keygen makes another")
	line("    role: admin", "its name; with admin in it, it may see the dashboard")
	line("    model: [all]", "which models it may use")
	return b.String()
}

// write writes the file, and says what to do with it.
func (f *first) write(path string, force bool) error {
	text := f.text()
	if _, err := config.Parse(path, []byte(text), os.Getenv); err != nil {
		return err
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, mode, 0o600) // it has keys
	if err != nil {
		return err
	}
	if _, err = io.WriteString(file, text); err == nil {
		err = file.Close()
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s is written. The key for clients, in api_keys: %s\n\n", path, f.client)
	if name, is := strings.CutPrefix(f.key, "${"); is && os.Getenv(strings.TrimSuffix(name, "}")) == "" {
		fmt.Printf("  export %s=...        # the provider's key, which the file takes from there\n", strings.TrimSuffix(name, "}"))
	}
	with := ""
	if path != config.DefaultPath {
		with = " --config " + path
	}
	fmt.Printf("  uni-api check%s      # what is wrong with it, and what was understood\n  uni-api%s            # serves it on port 8000; the dashboard is http://127.0.0.1:8000/dashboard\n", with, with)
	return nil
}

// questions asks somebody at a terminal.
type questions struct {
	terminal bool
	in, out  *os.File
	session  *term.Terminal // from the first question on
	before   *term.State
}

func newQuestions(in, out *os.File) *questions {
	return &questions{terminal: isTerminal(in) && isTerminal(out), in: in, out: out}
}

// begin has the terminal show nothing by itself: what somebody types, or pastes,
// before a question is there may be the answer to the one about the key.
func (q *questions) begin() (err error) {
	if q.session != nil {
		return nil
	}
	if q.before, err = term.MakeRaw(int(q.in.Fd())); err != nil {
		return err
	}
	q.session = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{q.in, q.out}, "")
	if width, height, err := term.GetSize(int(q.out.Fd())); err == nil && width > 0 {
		q.session.SetSize(width, height)
	}
	return nil
}

// end leaves the terminal as it was.
func (q *questions) end() {
	if q.session != nil {
		term.Restore(int(q.in.Fd()), q.before)
		q.session = nil
	}
}

// errGivenUp is Ctrl-C or Ctrl-D in the place of an answer.
var errGivenUp = errors.New("no answer was given; nothing is written")

// ask returns the answer, or what stands for an empty one.
func (q *questions) ask(what, otherwise string) (string, error) {
	if err := q.begin(); err != nil {
		return "", err
	}
	q.session.SetPrompt(what + " [" + otherwise + "]: ")
	text, err := q.session.ReadLine()
	if err != nil {
		return "", errGivenUp
	}
	return cmp.Or(strings.TrimSpace(text), otherwise), nil
}

// secret returns what is typed without showing it.
func (q *questions) secret(what string) (string, error) {
	if err := q.begin(); err != nil {
		return "", err
	}
	text, err := q.session.ReadPassword(what + ": ")
	if err != nil {
		return "", errGivenUp
	}
	return strings.TrimSpace(text), nil
}

// piped reads the first line of what is no terminal.
func piped(in io.Reader) (string, error) {
	text, err := bufio.NewReader(in).ReadString('\n')
	if text = strings.TrimSpace(text); text != "" {
		err = nil
	}
	return text, err
}
