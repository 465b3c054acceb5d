package replay

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"uniapi/server/capture"
)

// stage plays the upstreams of a capture: each request is answered as one like it was answered then, in the order in
// which they were asked.
type stage struct {
	server   http.Server
	listener net.Listener

	mu    sync.Mutex
	parts []*part
}

// part is an attempt of the capture, and whether it has been played.
type part struct {
	*capture.Attempt
	played bool
}

func play(attempts []capture.Attempt) (*stage, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stage{listener: listener}
	for i := range attempts {
		s.parts = append(s.parts, &part{Attempt: &attempts[i]})
	}
	s.server.Handler = s
	go s.server.Serve(listener)
	return s, nil
}

// reach is a connection to the stage, whatever was to be reached.
func (s *stage) reach(ctx context.Context, _ string) (*net.TCPConn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", s.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func (s *stage) close() { s.server.Close() }

// ServeHTTP implements http.Handler.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	switch p := s.next(r); {
	case p != nil:
		p.answer(w, r)
	case strings.HasSuffix(r.URL.Path, "/token"): // of a service account
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"played","token_type":"Bearer","expires_in":3600}`)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotImplemented)
		io.WriteString(w, `{"error":{"message":"the capture has no further answer of an upstream to such a request","type":"not_captured"}}`)
	}
}

// next is the part that a request plays: the first that is left of those that were asked at the end of the same path.
func (s *stage) next(r *http.Request) *part {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.parts, func(p *part) bool {
		return !p.played && p.Request.Method == r.Method && endOf(capture.PathForm(p.Request.URL)) == endOf(r.URL.Path)
	})
	if i < 0 {
		return nil
	}
	s.parts[i].played = true
	return s.parts[i]
}

// endOf is what is asked for: the last word of a path.
func endOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path[strings.LastIndexAny(path, "/:")+1:]
}

// unplayed are headers that belong to a connection, or to a compression that the capture has undone.
var unplayed = []string{"content-length", "content-encoding", "transfer-encoding", "connection", "date"}

// answer plays the answer.
func (p *part) answer(w http.ResponseWriter, r *http.Request) {
	broke := p.Failure != ""
	if p.Answer != nil {
		for _, h := range p.Answer.Headers {
			if !slices.Contains(unplayed, strings.ToLower(h.Name)) && isHeader(h) {
				w.Header().Add(h.Name, h.Value)
			}
		}
		w.WriteHeader(p.Answer.Status)
		for i := range p.Answer.Pieces {
			body, _ := p.Answer.Pieces[i].Body() // Read has seen that it is good
			w.Write(body)
			if i+1 < len(p.Answer.Pieces) || broke {
				w.(http.Flusher).Flush()
			}
		}
	}
	switch {
	case !broke:
	case strings.Contains(p.Failure, "timeout") || p.Failure == "overdue" || p.Failure == "canceled":
		<-r.Context().Done() // the gateway leaves, as it did
		panic(http.ErrAbortHandler)
	default:
		panic(http.ErrAbortHandler)
	}
}

// isHeader says whether it may be sent: what a capture has may come from anybody.
func isHeader(h capture.Header) bool {
	return h.Name != "" && !strings.ContainsFunc(h.Name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) && !strings.ContainsAny(h.Value, "\r\n\x00")
}
