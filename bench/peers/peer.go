//go:build linux

package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// peer is one thing in front of the mock upstream. As with scenarios, what
// differs is data.
type peer struct {
	name    string
	binary  string   // "" for the mock itself, without anything in front
	version []string // arguments that print the version
	config  string   // file in configs/, a template of place
	args    []string // each a template of place
	extras
}

// extras is what a gateway may have on beside what everybody has on.
type extras struct {
	Limits     bool   // of all kinds, and not of requests alone
	Redis      string // that they are shared through; "" is none
	RequestLog string // what it keeps of each request; "" is nothing
}

const (
	withoutPeer = "direct"
	nginx       = "nginx" // what the ratio is to
	gateway     = "uni-api"
	before      = "before" // an older version of it

	clientKey = "sk-bench-client-Zx8vT3mQ7rK2nB5w"
)

// peers in the order in which they take their turns. binary is the gateway's; an
// older one of it takes the place of all others, and has none of the extras, but
// limits where they are shared: what is asked is what the sharing costs.
func peers(binary, older string, with extras) []peer {
	if older != "" {
		return []peer{gatewayOf(before, older, extras{Limits: with.Limits && with.Redis != ""}), gatewayOf(gateway, binary, with)}
	}
	return []peer{
		{name: withoutPeer},
		{name: nginx, binary: "nginx", version: []string{"-v"}, config: "nginx.conf",
			args: []string{"-p", "{{.Dir}}", "-e", "{{.Dir}}/nginx-error.log", "-c", "{{.Dir}}/nginx.conf"}},
		{name: "haproxy", binary: "haproxy", version: []string{"-v"}, config: "haproxy.cfg",
			args: []string{"-db", "-f", "{{.Dir}}/haproxy.cfg"}},
		gatewayOf(gateway, binary, with),
	}
}

func gatewayOf(name, binary string, with extras) peer {
	return peer{name: name, binary: binary, version: []string{"--version"}, config: "api.yaml", extras: with,
		args: []string{"--config", "{{.Dir}}/api.yaml", "--listen", "{{.Listen}}", "--data", "{{.Dir}}/data"}}
}

// place is what a peer has to know of where it runs.
type place struct {
	Dir              string // for its files, its logs among them
	Listen, Upstream string // host:port
	ClientKey        string
	extras
}

//go:embed configs
var configs embed.FS

// locate returns the path of p's binary. Daemons live in /usr/sbin, which is
// not in every user's PATH.
func (p peer) locate() (string, error) {
	path, err := exec.LookPath(p.binary)
	if err != nil && !strings.Contains(p.binary, "/") {
		path, err = exec.LookPath("/usr/sbin/" + p.binary)
	}
	return path, err
}

// versionText is the first line of what p says of its version.
func (p peer) versionText(path string) string {
	out, err := exec.Command(path, p.version...).CombinedOutput()
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	if err != nil || len(line) == 0 {
		return "version unknown"
	}
	return string(line)
}

// start writes p's configuration into dir and runs p in front of upstream. It
// returns when p takes connections.
func (p peer) start(path, dir, upstream string) (*process, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	at := place{Dir: dir, Listen: listen, Upstream: upstream, ClientKey: clientKey, extras: p.extras}
	text, err := configs.ReadFile("configs/" + p.config)
	if err != nil {
		return nil, err
	}
	config, err := at.fill(string(text))
	if err != nil {
		return nil, fmt.Errorf("configs/%s: %w", p.config, err)
	}
	if err := os.WriteFile(filepath.Join(dir, p.config), []byte(config), 0o600); err != nil {
		return nil, err
	}
	args := make([]string, len(p.args))
	for i, arg := range p.args {
		if args[i], err = at.fill(arg); err != nil {
			return nil, fmt.Errorf("argument %q of %s: %w", arg, p.name, err)
		}
	}
	return startProcess(p.name, dir, listen, path, args...)
}

func (at place) fill(text string) (string, error) {
	tmpl, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = tmpl.Execute(&out, at)
	return out.String(), err
}
