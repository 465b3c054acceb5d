package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"uniapi/server/capture"
)

// tellExchange prints all that was said in a request, if it was kept.
func tellExchange(w io.Writer, text []byte) error {
	if text == nil {
		return nil
	}
	var e capture.Exchange
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	tellMessage(w, "the client asked", e.Client.Request)
	for i, a := range e.Attempts {
		name := fmt.Sprintf("attempt %d, %s/%s in the format %s", i+1, plainly(a.Provider), plainly(a.Upstream), plainly(a.Format))
		tellMessage(w, name+", was asked", a.Request)
		tellMessage(w, name+", answered", a.Answer)
		if a.Error != "" {
			fmt.Fprintf(w, "\n%s, failed: %s\n", name, plainly(a.Error))
		}
	}
	if e.More > 0 {
		fmt.Fprintf(w, "\nof %d more attempts nothing was kept\n", e.More)
	}
	tellMessage(w, "the client got", e.Client.Answer)
	return nil
}

func tellMessage(w io.Writer, what string, m *capture.Message) {
	if m == nil {
		return
	}
	head := plainly(m.Method + " " + m.URL)
	if m.Status > 0 {
		head = fmt.Sprint("status ", m.Status)
	}
	fmt.Fprintf(w, "\n%s after %s s: %s, %d bytes\n", what, seconds(m.MS), head, m.Bytes)
	for _, h := range m.Headers {
		fmt.Fprintf(w, "  %s: %s\n", plainly(h.Name), plainly(h.Value))
	}
	for i, p := range m.Pieces {
		if len(m.Pieces) > 1 {
			fmt.Fprintf(w, "  -- piece %d after %s s\n", i+1, seconds(p.MS))
		}
		text := p.Text
		if p.Data != "" {
			text = fmt.Sprintf("(%d characters of base64: it is no text)", len(p.Data))
		}
		for line := range strings.Lines(text) {
			fmt.Fprintf(w, "  %s\n", plainly(strings.TrimRight(line, "\r\n")))
		}
	}
	if m.Cut {
		fmt.Fprintln(w, "  -- the rest was not kept")
	}
}
