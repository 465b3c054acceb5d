// Package scripted is a mock of five providers for conversations: it reads requests as strictly as they do, in OpenAI's
// two formats, Anthropic's, Gemini's and Bedrock's, and acts out the scene that the user's text names. It is written
// from the providers' documentation and shares nothing with package codec, so that the two check each other. For load
// there is package loadtest's Mock.
package scripted

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// maxBody is the largest request body that is read, in bytes.
const maxBody = 64 << 20

// object is a JSON object to be written.
type object = map[string]any

// dialect is one provider's wire format.
type dialect interface {
	// read understands a request. An error that is no *refusal is refused as the client's mistake, in the words of the
	// error.
	read(r *http.Request, body []byte) (*talk, error)
	// whole is a plain answer.
	whole(t *talk, a *reply) object
	// events is a streamed answer, each element a framed event.
	events(t *talk, a *reply) [][]byte
	// refuse is an error's status and body. It may set headers.
	refuse(header http.Header, e *refusal) (status int, body object)
	// streamType is the content type of a stream.
	streamType() string
}

// counter is a dialect that counts tokens of a request in an endpoint of its own.
type counter interface {
	count(r *http.Request, body []byte) (object, error)
}

// Server is the mock. The zero value is ready to use.
type Server struct{ server http.Server }

// Serve answers requests on ln until Close, after which it returns nil.
func (s *Server) Serve(ln net.Listener) error {
	s.server.Handler = Handler()
	if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends Serve and all answers under way.
func (s *Server) Close() error { return s.server.Close() }

// Handler serves every provider's paths.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", answer(chat{}))
	mux.HandleFunc("POST /v1/responses", answer(responses{}))
	mux.HandleFunc("POST /v1/messages", answer(messages{}))
	mux.HandleFunc("POST /v1/messages/count_tokens", count(messages{}))
	mux.HandleFunc("POST /v1beta/models/{call}", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.PathValue("call"), ":countTokens") {
			count(gemini{})(w, r)
			return
		}
		answer(gemini{})(w, r)
	})
	mux.HandleFunc("POST /model/{model}/converse", answer(converse{}))
	mux.HandleFunc("POST /model/{model}/converse-stream", answer(converse{streamed: true}))
	mux.HandleFunc("POST /model/{model}/invoke", answer(invoke{}))
	mux.HandleFunc("POST /model/{model}/invoke-with-response-stream", answer(invoke{streamed: true}))
	return mux
}

func answer(d dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return // the client left
		}
		t, err := d.read(r, body)
		var a *reply
		if err == nil {
			a, err = act(t)
		}
		switch {
		case err != nil:
			refuse(w, d, err)
		case t.stream:
			stream(w, d.streamType(), d.events(t, a), a.cut)
		default:
			writeJSON(w, http.StatusOK, d.whole(t, a))
		}
	}
}

func count[D interface {
	dialect
	counter
}](d D) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return
		}
		counted, err := d.count(r, body)
		if err != nil {
			refuse(w, d, err)
			return
		}
		writeJSON(w, http.StatusOK, counted)
	}
}

func refuse(w http.ResponseWriter, d dialect, err error) {
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		refused = &refusal{kind: invalid, message: err.Error()}
	}
	if refused.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(refused.retryAfter))
	}
	status, body := d.refuse(w.Header(), refused)
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(marshal(v))
}

// marshal writes what is known to be writable.
func marshal(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// packet is how many bytes of a stream go out at once: less than most events, and odd, so that events and letters are
// cut anywhere.
const packet = 97

// stream writes the events; if the answer is to be cut, half of them, and then the connection ends without the end of
// the body.
func stream(w http.ResponseWriter, contentType string, events [][]byte, cut bool) {
	w.Header().Set("Content-Type", contentType)
	if cut {
		events = events[:len(events)/2]
	}
	control := http.NewResponseController(w)
	for rest := bytes.Join(events, nil); len(rest) > 0; {
		n := min(packet, len(rest))
		if _, err := w.Write(rest[:n]); err != nil || control.Flush() != nil {
			return
		}
		rest = rest[n:]
	}
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// sse frames an event; without a name it has data only.
func sse(name string, data any) []byte {
	var b bytes.Buffer
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	b.WriteString("data: ")
	b.Write(marshal(data))
	b.WriteString("\n\n")
	return b.Bytes()
}
