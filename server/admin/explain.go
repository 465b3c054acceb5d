package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/server/respond"
)

// Question is the request that is to be explained.
type Question struct {
	Key   string // the key that asks, or its role
	Model string // that it asks for; "" is what Body says
	// Endpoint is the path that is asked; "" is /v1/chat/completions.
	Endpoint string
	Body     []byte // of the request; empty is one of which no more is known than its model
}

// explainedKey is a header for the key that is explained: what stands in an address is in the logs of whoever passes it
// on.
const explainedKey = "X-Explain-Key"

// explain serves GET and POST /v1/explain?key=K&model=M&endpoint=E to an admin key: what a request of key K (its alias
// or, as well in a header, the key itself) would meet at this moment. The body, if there is one, is the request's.
func (a *API) explain(ctx *fasthttp.RequestCtx, _ *Caller) {
	query := ctx.QueryArgs()
	q := Question{Key: cmp.Or(string(query.Peek("key")), string(ctx.Request.Header.Peek(explainedKey))), Model: string(query.Peek("model")), Endpoint: string(query.Peek("endpoint"))}
	var err *codec.Error
	if q.Body, err = a.Gateway.ReadBody(ctx); err != nil {
		a.Gateway.WriteError(ctx, err)
		return
	}
	a.judging.Lock()
	defer a.judging.Unlock()
	e, err := a.Gateway.Explain(q)
	if err != nil {
		a.Gateway.WriteError(ctx, err)
		return
	}
	respond.JSON(ctx, fasthttp.StatusOK, e)
}

// Explained is what would happen to a request, and what is known of those that would
// be asked, step by step.
type Explained struct {
	balancer.Explanation
	Known []Known `json:"known"`
}

// Known is what is known of a model where a channel has it, and which line says so.
type Known struct {
	Format   string               `json:"format"` // in which it would be asked
	Findings []capability.Finding `json:"findings"`
}

// ExplainLive prints what a running gateway says, asked with an admin key.
func ExplainLive(w io.Writer, base, admin string, q Question) error {
	query := url.Values{"model": {q.Model}, "endpoint": {q.Endpoint}}
	request, err := http.NewRequest(http.MethodPost, strings.TrimRight(base, "/")+"/v1/explain?"+query.Encode(), bytes.NewReader(q.Body))
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	request.Header.Set(explainedKey, q.Key)
	client := http.Client{Timeout: 15 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the gateway: %w", errorWithoutURL(err))
	}
	defer answer.Body.Close()
	var said struct {
		Explained
		Error struct{ Message string }
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(&said); err != nil {
		return fmt.Errorf("the gateway answered %s, which is no explanation: %w", answer.Status, err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the gateway answered %s: --url needs an admin key, in --admin-key or in the environment's UNI_API_ADMIN_KEY; --key is the one that is explained", answer.Status)
	default:
		return fmt.Errorf("the gateway answered %s: %s", answer.Status, said.Error.Message)
	}
	said.Explained.Print(w)
	return nil
}

// errorWithoutURL takes the URL, which holds a client key, out of an error.
func errorWithoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

// Print writes it for a person.
func (e *Explained) Print(w io.Writer) {
	attempts := "one attempt"
	if e.Attempts != 1 {
		attempts = fmt.Sprintf("at most %d attempts", e.Attempts)
	}
	fmt.Fprintf(w, "key %s, model %s, %s, %s\n", e.Key, e.Model, e.Schedule, attempts)
	if e.Refused != "" {
		fmt.Fprintf(w, "it would be refused before any of them is asked: %s\n", e.Refused)
	}
	for i, s := range e.Steps {
		fmt.Fprintf(w, "%3d. %s/%s: %s\n", i+1, s.Provider, s.Upstream, s.Why)
		fmt.Fprintf(w, "     first byte within %v\n", s.Timeout)
		if s.FirstToken > 0 {
			fmt.Fprintf(w, "     first event within %v, as long as another channel could serve\n", s.FirstToken)
		}
		if s.Total > 0 {
			fmt.Fprintf(w, "     the whole within %v\n", s.Total)
		}
		if s.Breaking != "" {
			fmt.Fprintf(w, "     a stream that breaks off: %s\n", s.Breaking)
		}
		if s.KeyOrder != "" {
			fmt.Fprintf(w, "     keys: %s\n", s.KeyOrder)
		}
		for k, rests := range s.Keys {
			fmt.Fprintf(w, "     key %d: %s\n", k+1, cmp.Or(rests, "fit"))
		}
		if s.Excluded != "" {
			fmt.Fprintf(w, "     left out: %s\n", s.Excluded)
		}
		if i < len(e.Known) {
			e.Known[i].print(w)
		}
	}
}

func (k *Known) print(w io.Writer) {
	if k.Format == "" {
		return
	}
	fmt.Fprintf(w, "     asked in the format %s, of which is known:\n", k.Format)
	for _, f := range k.Findings {
		fmt.Fprintf(w, "       %-18s %s (%s)\n", f.Key, f.Value, f.From)
	}
}
