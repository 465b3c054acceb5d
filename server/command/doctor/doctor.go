// Package doctor asks a gateway what a client would ask it, as that client does, and says what would go wrong on the
// way. It knows the gateway only by its address: what it finds is true of everything that stands between.
package doctor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Visit is what is to be looked at: a gateway, for a client.
type Visit struct {
	URL   string // the gateway's address
	Key   string
	Model string // "": one that the gateway lists
}

// client is a client that doctor can be.
type client struct {
	name, title string
	dialect     dialect
	// steps are what it does beside the stream and the tool loop, which all do.
	before, after []step
	settings      func(base, model string) string
}

// step is one thing that a client does.
type step struct {
	name string
	do   func(*examination) verdict
}

// clients are those that doctor can be, in the order in which help names them.
func clients() []client {
	return []client{claudeCode(), codex(), geminiCLI(), cursor(), openWebUI()}
}

// Names are the clients that doctor can be.
func Names() []string {
	var names []string
	for _, c := range clients() {
		names = append(names, c.name)
	}
	return names
}

// verdict is what came of a step.
type verdict struct {
	grade  grade
	found  string
	change string // what to do about it
}

type grade string

const (
	good grade = "ok"
	note grade = "note" // what the client can live with, or what cannot be told
	bad  grade = "FAIL"
)

func fine(format string, args ...any) verdict {
	return verdict{grade: good, found: fmt.Sprintf(format, args...)}
}

func failed(change, format string, args ...any) verdict {
	return verdict{bad, fmt.Sprintf(format, args...), change}
}

func noted(change, format string, args ...any) verdict {
	return verdict{note, fmt.Sprintf(format, args...), change}
}

// examination is a visit under way.
type examination struct {
	ctx     context.Context
	client  client
	base    *url.URL // without a slash at the end and without /v1
	key     string
	model   string
	between between // what was seen to stand between
	http    transport
	session string
}

// Examine acts as the client of that name, writes a line for each step, then the client's settings, and returns how
// many steps failed. An error is a visit that cannot begin.
func Examine(ctx context.Context, out io.Writer, name string, visit Visit) (failures int, err error) {
	e := &examination{ctx: ctx, key: visit.Key, model: visit.Model, http: newTransport(), session: newSession()}
	defer e.http.CloseIdleConnections()
	found := false
	for _, c := range clients() {
		if c.name == name {
			e.client, found = c, true
		}
	}
	if !found {
		return 0, fmt.Errorf("there is no client %q; it can be %s", name, strings.Join(Names(), ", "))
	}
	if visit.Key == "" {
		return 0, fmt.Errorf("give the gateway's key for the client by --key or in the environment's UNI_API_KEY")
	}
	if visit.Model != "" && !plainName(visit.Model) {
		return 0, fmt.Errorf("--model: the name has a character that is in no model's name")
	}
	if e.base, err = GatewayAddress(visit.URL); err != nil {
		return 0, fmt.Errorf("--url: %w", err)
	}
	steps := append([]step{{"address", (*examination).address}}, e.client.before...)
	steps = append(steps, step{"models", (*examination).models}, step{"stream", (*examination).stream}, step{"tool loop", (*examination).toolLoop})
	steps = append(append(steps, e.client.after...), step{"large body", (*examination).largeBody})
	for _, s := range steps {
		v := s.do(e)
		if ctx.Err() != nil {
			return failures, ctx.Err()
		}
		fmt.Fprint(out, e.hide(line(s.name, v)))
		if v.grade == bad {
			failures++
			if s.name == "address" || s.name == "models" && e.model == "" {
				fmt.Fprintln(out, "\nWithout this the rest cannot be asked.")
				return failures, nil
			}
		}
	}
	fmt.Fprint(out, e.hide(fmt.Sprintf("\n%s's settings:\n\n%s", e.client.title, e.client.settings(e.base.String(), e.model))))
	return failures, nil
}

// line is what is printed of a step.
func line(name string, v verdict) string {
	text := fmt.Sprintf("%-4s  %-12s %s\n", v.grade, name, v.found)
	if v.change != "" {
		text += fmt.Sprintf("%-19schange: %s\n", "", v.change)
	}
	return text
}

// hide takes the key out of a text: a gateway may say it in an error.
func (e *examination) hide(text string) string { return strings.ReplaceAll(text, e.key, "THE-KEY") }

// GatewayAddress reads the address of a gateway, with or without the /v1 that some clients want after it.
func GatewayAddress(text string) (*url.URL, error) {
	if text == "" {
		return nil, fmt.Errorf("give the gateway's address as the client reaches it, e.g. https://gateway.example")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("it must be an address such as https://gateway.example or http://127.0.0.1:8000")
	case u.User != nil:
		return nil, fmt.Errorf("leave out the name and the password before the host: these clients send a key, and no password")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("leave out what stands behind ? or #")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	for _, version := range []string{"/v1", "/v1beta"} {
		u.Path = strings.TrimRight(strings.TrimSuffix(u.Path, version), "/")
	}
	u.RawPath = ""
	return u, nil
}

// newSession is a random identifier in the form of a UUID, as clients name their sessions.
func newSession() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
