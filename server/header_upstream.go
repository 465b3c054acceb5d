package server

import (
	"bytes"
	"slices"
	"strings"

	"uniapi/codec"
)

// flags are those of a line of the head: what the provider's headers have, the client's,
// and what a translated request needs.
func (a *attempt) flags(flagger codec.Flagger, line string) []string {
	var f flags
	f.add(string(headerValue(a.request.Header, line)))
	if a.untranslated {
		f.add(string(a.headerLine(line)))
		return f.list
	}
	if a.decoded != nil {
		for _, flag := range flagger.Flags(a.decoded, a.known) {
			f.add(flag)
		}
	}
	return f.list
}

// flags are words of lists, each once.
type flags struct {
	list []string
	seen map[string]bool // nil as long as they are few
}

// fewFlags are looked for one by one: a map of them would cost more.
const fewFlags = 16

// add takes those of a list with commas. It takes time by the list's length alone.
func (f *flags) add(list string) {
	for flag := range strings.SplitSeq(list, ",") {
		if flag = strings.TrimSpace(flag); flag == "" || f.has(flag) {
			continue
		}
		f.list = append(f.list, flag)
		if f.seen != nil {
			f.seen[flag] = true
		}
	}
}

func (f *flags) has(flag string) bool {
	if len(f.list) < fewFlags {
		return slices.Contains(f.list, flag)
	}
	if f.seen == nil {
		f.seen = make(map[string]bool)
		for _, known := range f.list {
			f.seen[known] = true
		}
	}
	return f.seen[flag]
}

// withFlags is the format of an upstream that takes the flags in the body. Those of a
// client whose words the upstream has are among them.
func (a *attempt) withFlags(to codec.Format) codec.Format {
	bearer, is := to.(codec.FlagBearer)
	if !is {
		return to
	}
	list := bearer.Flags(a.decoded, a.known)
	if line := a.format.Properties().Flags; line != "" && a.decoded.Format == to.Name() {
		var own flags
		own.add(strings.Join(strings.Fields(string(a.headerLine(line))), ","))
		list = append(list, own.list...)
	}
	return bearer.WithFlags(list, a.known)
}

// headerValue is the value of a line of a prepared header, nil if it has none
// of that name.
func headerValue(lines []byte, name string) []byte {
	for line := range bytes.Lines(lines) {
		if n, value, _ := bytes.Cut(line, []byte(":")); strings.EqualFold(string(n), name) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// setHeader puts a value into the request's header, in the place of one that is
// there. What the client sent has no line breaks: fasthttp has read it.
func (a *attempt) setHeader(name, value string) {
	var out []byte
	for line := range bytes.Lines(a.request.Header) {
		if n, _, _ := bytes.Cut(line, []byte(":")); !strings.EqualFold(string(n), name) {
			out = append(out, line...)
		}
	}
	out = append(append(append(append(out, name...), ": "...), value...), "\r\n"...)
	a.request.Header = out
}
