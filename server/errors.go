package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/conn"
	"uniapi/server/entry"
	"uniapi/server/relay"
	"uniapi/server/respond"
)

// statusClientGone is what the log says of a client that left.
const statusClientGone = relay.StatusClientGone

// errorf is respond.Errorf.
func errorf(status int, kind, code, format string, args ...any) *codec.Error {
	return respond.Errorf(status, kind, code, format, args...)
}

// badQuery refuses what an address or its body asks for.
func badQuery(format string, args ...any) *codec.Error {
	return errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_query", format, args...)
}

// errNoKey is told to a request without one of the configured keys.
var errNoKey = lasting(errorf(fasthttp.StatusUnauthorized, "invalid_request_error", "invalid_api_key",
	"Invalid or missing API key. Send one of the keys in api_keys of the gateway's api.yaml, as Authorization: Bearer KEY or as x-api-key."))

// lasting marks an error that asking again helps nothing against.
func lasting(e *codec.Error) *codec.Error {
	e.Lasting = true
	return e
}

// errNoEndpoint is told where no channel of a model has what is asked for.
func errNoEndpoint() *codec.Error {
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", "no_such_endpoint",
		"No provider of this model has such an endpoint. The model may be meant for another, chat for example.")
}

// errOverdue is told when the total of timeout_policy is over.
func errOverdue() *codec.Error {
	return errorf(fasthttp.StatusGatewayTimeout, "server_error", codeTimeout,
		"Request timed out: it was not done in the time that the gateway's api.yaml allows for the whole (total in timeout_policy)")
}

// writeError answers with an error in the envelope of the client that the path is
// for.
func writeError(ctx *fasthttp.RequestCtx, e *codec.Error) {
	writeErrorIn(ctx, spokenBy(ctx), e)
}

func writeErrorIn(ctx *fasthttp.RequestCtx, envelope codec.Format, e *codec.Error) {
	ctx.Response.ResetBody()
	ctx.SetStatusCode(e.Status)
	ctx.SetContentType("application/json")
	ctx.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, noSniff) // it may repeat what a provider said
	if e.Status == fasthttp.StatusUnauthorized {
		ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, "Bearer")
	}
	if e.Lasting { // OpenAI's and Anthropic's SDKs would ask again, and Claude Code for minutes
		ctx.Response.Header.Set("X-Should-Retry", "false")
	}
	ctx.Response.SetBody(envelope.EncodeError(nil, e))
}

// judge is what an attempt's error means for the next attempt, and what the client
// is told if there is none. It knows the request.
func (a *attempt) judge(err error) (balancer.Outcome, *codec.Error) {
	outcome, told := judge(err, a.limits)
	outcome.Answered = a.parted || a.answer.Halfway || a.answered && !a.answer.Usage.Zero()
	if a.short = isOurs(err); a.short {
		outcome.Unsent = !a.sent
		return outcome, told
	}
	a.byPolicy(&outcome, told)
	switch outcome.Verdict {
	case balancer.Unavailable:
		e, asked := errors.AsType[*pool.Error](err)
		switch {
		case asked && e.Kind == pool.FirstByteTimeout && a.curtailed:
			outcome.Verdict = balancer.Over // it has not had its time
		case asked && e.Kind == pool.FirstByteTimeout && a.hurried:
			outcome.Hurried, outcome.FirstByte = true, a.limits.FirstByte
		case asked:
			// One server may stand behind several addresses: what the key has under way elsewhere may be why.
			outcome.Sure = outcome.Sure && (nobodysDoing(e) || a.key == nil || a.key.share.Places() <= 1)
		case !a.sent:
			outcome.Verdict, outcome.Unsent = balancer.Unfit, true // the request could not be written for it
		}
	case balancer.RateLimited, balancer.OutOfQuota:
		if most := told.PromptLimit(); most > 0 && int64(len(a.body))/estimate.CharactersPerToken > most {
			outcome.Verdict = balancer.Unfit // it would be refused however long it waits
		}
	case balancer.NoModel:
		if a.endpoint != provider.Chat && told.Code != codeNoModel {
			outcome.Verdict = balancer.Unfit // which does not say that it cannot chat either
			if a.endpoint == provider.CountTokens {
				told = errNoEndpoint()
			}
		}
	case balancer.Over:
		if errors.Is(err, pool.ErrOverdue) && a.chosen.Number == 1 {
			outcome.Verdict = balancer.Unavailable // it had all of the time
		}
	}
	return outcome, told
}

// byPolicy is what the provider's own settings say of further attempts.
func (a *attempt) byPolicy(outcome *balancer.Outcome, told *codec.Error) {
	if outcome.Status == 0 && told.Class != codec.ContentPolicy {
		return // they are about what a provider says
	}
	own := a.chosen.Provider.Config
	refused := outcome.Verdict == balancer.Mistaken || outcome.Verdict == balancer.TooLong
	switch policy := &own.Preferences.Retries; {
	case slices.Contains(policy.Never, outcome.Status):
		outcome.Final = true
	case refused && slices.Contains(policy.On, outcome.Status):
		outcome.Verdict = balancer.Unfit
	case told.Class == codec.ContentPolicy && a.snap.config.ContentPolicy(own) == config.ContentNext:
		outcome.Verdict = balancer.Unfit
	case told.Class == codec.ContentPolicy: // the next would get that account banned, too
		outcome.Final = true
	}
}

// The codes of what keeps a provider from answering, in OpenAI's errors.
const (
	codeTimeout     = "timeout"
	codeUnreachable = "upstream_unreachable"
	codeBadGateway  = "bad_gateway"
)

// codeNoModel is OpenAI's code for a model that is not there.
const codeNoModel = "model_not_found"

// isOurs says whether what failed is that the gateway had no room for it.
func isOurs(err error) bool {
	_, is := errors.AsType[*budget.Refused](err)
	return is
}

// judge is the table of failures in docs/configuration.md: what an attempt's error means for the
// next attempt, and what the client is told if there is none.
func judge(err error, limits pool.Deadlines) (balancer.Outcome, *codec.Error) {
	if errors.Is(err, errPanic) { // which says nothing of the provider
		return balancer.Outcome{Verdict: balancer.Over}, errPanic
	}
	if e, ok := errors.AsType[*pool.Error](err); ok {
		return judgeConnection(e, limits)
	}
	if errors.Is(err, provider.ErrNoEndpoint) {
		return balancer.Outcome{Verdict: balancer.Unfit, Unsent: true}, errNoEndpoint()
	}
	if e, ok := errors.AsType[*notHere](err); ok {
		told := *e.told // which may be of several requests
		return balancer.Outcome{Verdict: balancer.Unfit, Unsent: true}, &told
	}
	if full, is := errors.AsType[*budget.Refused](err); is {
		return balancer.Outcome{Verdict: balancer.Unfit}, noRoom(full) // another may need less
	}
	e, ok := errors.AsType[*codec.Error](err)
	if !ok {
		return balancer.Outcome{Verdict: balancer.Unavailable}, unasked(err)
	}
	outcome := balancer.Outcome{Verdict: verdictOf(e), RetryAfter: e.RetryAfter}
	if u, ok := errors.AsType[*upstreamError](err); ok {
		outcome.RetryAfter, outcome.Status = max(outcome.RetryAfter, u.retryAfter), u.status
	}
	if outcome.Verdict == balancer.OutOfQuota && e.Class == codec.RateLimit && outcome.RetryAfter > 0 {
		outcome.Verdict = balancer.RateLimited // its number says more than its words
	}
	told := *e
	told.Bound()
	if e.Class == codec.Auth {
		told.Status, told.Type, told.Code = fasthttp.StatusBadGateway, "server_error", "upstream_auth"
		told.Message = fmt.Sprintf("the provider refused the key configured for it (status %d): %s", e.Status, told.Message)
	}
	if e.Class == codec.RateLimit {
		told.Message = "the provider's limit was reached, not this gateway's: " + told.Message
	}
	if e.InAnswer && !e.Numbered {
		told.Status = fasthttp.StatusBadGateway // whatever it was, the upstream said it was well, and nothing else
	}
	return outcome, &told
}

func verdictOf(e *codec.Error) balancer.Verdict {
	switch e.Class {
	case codec.ClientMistake:
		return balancer.Mistaken
	case codec.TooLong, codec.ContentPolicy:
		return balancer.TooLong
	case codec.OverLimit, codec.Missing:
		return balancer.Unfit
	case codec.NotFound:
		return balancer.NoModel
	case codec.Auth:
		if e.Status == fasthttp.StatusPaymentRequired {
			return balancer.OutOfQuota
		}
		return balancer.KeyRefused
	case codec.RateLimit:
		if outOfMoney(e) {
			return balancer.OutOfQuota
		}
		return balancer.RateLimited
	}
	return balancer.Unavailable
}

// billing says that an account has no money left, or has spent what it may: waiting helps nothing, somebody must do
// something. What is said of a quota may be one of a minute, or of one model.
var billing = []string{
	// OpenAI's codes and type
	"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "credit_balance_exhausted", "spend_limit_exceeded", "organization_usage_limit_exceeded",
	// Anthropic's
	"billing_error", "enforced_spend_limit_reached", "credit balance is too low",
	// of others
	"insufficient balance", "insufficient_balance", "out of credits", "credits are depleted", "payment required",
}

// outOfMoney says whether an error is about the account's money, and not about a limit that passes.
func outOfMoney(e *codec.Error) bool {
	text := strings.ToLower(e.Code + " " + e.Type + " " + e.Message)
	return slices.ContainsFunc(billing, func(w string) bool { return strings.Contains(text, w) })
}

func judgeConnection(e *pool.Error, limits pool.Deadlines) (balancer.Outcome, *codec.Error) {
	unavailable := balancer.Outcome{Verdict: balancer.Unavailable}
	switch e.Kind {
	case pool.Canceled:
		return balancer.Outcome{Verdict: balancer.Over}, errorf(statusClientGone, "client_closed_request", "client_gone", "the client hung up")
	case pool.Overdue: // no provider's fault alone: others have had a part of the time
		return balancer.Outcome{Verdict: balancer.Over}, errOverdue()
	case pool.FirstByteTimeout, pool.IdleTimeout:
		waited := limits.FirstByte
		if e.Kind == pool.IdleTimeout {
			waited = limits.Idle
		}
		return unavailable, errorf(fasthttp.StatusGatewayTimeout, "server_error", codeTimeout,
			"Request timed out after %g seconds", waited.Seconds())
	case pool.Dial, pool.TLS, pool.Proxy:
		unavailable.Unsent, unavailable.Sure, unavailable.Crowded = true, sure(e), amidOthers(e)
		if slices.ContainsFunc(wants, func(want error) bool { return errors.Is(e.Err, want) }) {
			unavailable.Verdict = balancer.Unfit
		}
		told := errorf(fasthttp.StatusServiceUnavailable, "server_error", codeUnreachable, "Unable to connect to the provider: %s", inShort(e))
		told.Detail = e.Error()
		return unavailable, told
	default:
		unavailable.Crowded = amidOthers(e)
		told := errorf(fasthttp.StatusBadGateway, "server_error", codeBadGateway, "The connection to the provider failed: %s", inShort(e))
		told.Detail = e.Error()
		return unavailable, told
	}
}

// unasked is the error of an attempt that failed before a provider was asked, or on the way: what it says of addresses
// is not for clients.
func unasked(err error) *codec.Error {
	told := errorf(fasthttp.StatusBadGateway, "server_error", codeBadGateway, "%v", err)
	_, network := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	_, address := errors.AsType[*url.Error](err)
	if network || name || address {
		told.Message, told.Detail = "The provider could not be asked: the gateway's log says why", told.Message
	}
	return told
}

// inShort says how a connection failed without the name of any host, port or address.
func inShort(e *pool.Error) string {
	name, isName := errors.AsType[*net.DNSError](e.Err)
	timeout, isTimeout := errors.AsType[net.Error](e.Err)
	switch {
	case e.Kind == pool.Proxy:
		return "the proxy in between failed"
	case isName && name.IsNotFound:
		return "there is no host of its name"
	case isName:
		return "its name could not be looked up"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(e.Err, syscall.ECONNRESET):
		return "connection reset"
	case e.Kind == pool.TLS:
		return "TLS failed"
	case isTimeout && timeout.Timeout():
		return "it took too long"
	case e.Kind == pool.TooLarge:
		return "the answer is too large"
	case e.Kind == pool.Protocol:
		return "what came is not the HTTP it should be"
	case e.Kind == pool.Reset:
		return "it broke off"
	}
	return e.Kind.String()
}

// sure says that no request can have brought about that a connection could not be made, as far as the server is
// concerned that it was to lead to: nobody else had to do with it at the time. Whoever has many connections made, or
// keeps them, makes servers and proxies refuse, reset or hang up on others.
func sure(e *pool.Error) bool {
	if timeout, is := errors.AsType[net.Error](e.Err); is && timeout.Timeout() {
		return false // it may be the line that is full, or we
	}
	if _, is := errors.AsType[*net.DNSError](e.Err); is || pool.CompanyOf(e) != pool.Nobody {
		return nobodysDoing(e)
	}
	return true
}

// nobodysDoing says that a connection fails whoever asks for it, and how often: there is no such name, or the
// certificate is not good.
func nobodysDoing(e *pool.Error) bool {
	name, is := errors.AsType[*net.DNSError](e.Err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](e.Err)
	return certificate || is && name.IsNotFound
}

// amidOthers says that a connection failed where others stood: the server is there, and others may be why it took no
// more. When it is not in time that says something all the same: what stands may be dead without anybody having
// noticed.
func amidOthers(e *pool.Error) bool {
	timeout, is := errors.AsType[net.Error](e.Err)
	return pool.CompanyOf(e) == pool.Crowded && (!is || !timeout.Timeout())
}

// wants are what this machine has run out of when a connection cannot be made:
// that is no provider's fault.
var wants = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL}

// onProtocolError answers what fasthttp itself refuses: a request that is not
// HTTP, a header that is too long.
func (s *Server) onProtocolError(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	e := notHTTP(err)
	if errors.As(err, &small) {
		e = errorf(fasthttp.StatusRequestHeaderFieldsTooLarge, "invalid_request_error", "header_too_large",
			"The request's header is longer than %d bytes.", conn.MaxHead)
		conn.Of(ctx.Conn()).Linger()
		err = errors.New("the request's header is too long")
	}
	writeError(ctx, e)
	ctx.SetConnectionClose()
	id := s.ids.AppendOf(nil, ctx)
	entry.SetID(ctx, id)
	allowAnyOrigin(ctx) // whether there was an Origin may not have been read
	level := slog.LevelWarn
	if brokenOff(err) { // nobody reads the answer, and load balancers do it all day
		level = slog.LevelDebug
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	if _, may := s.strangers.lines.take(time.Now(), ofLines); !may {
		return
	}
	s.log.Log(ctx, level, "bad request", "id", string(id), "status", e.Status, "client", entry.ClientOf(ctx, s.options.TrustedProxies).String(), "error", unquoted(err))
}

// notHTTP is the error of a request that is none.
func notHTTP(err error) *codec.Error {
	e := errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_request", "This is not a valid HTTP/1.1 request.")
	if why, is := errors.AsType[conn.Malformed](err); is {
		e.Message = "This is not a valid HTTP/1.1 request: " + why.Error() + "."
	}
	return e
}

// brokenOff says that a request could not be read because its client left.
func brokenOff(err error) bool {
	_, broken := errors.AsType[*net.OpError](err)
	return broken || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// unquoted is an error of fasthttp's up to where it quotes the request, which
// may hold a key.
func unquoted(err error) string {
	text, _, _ := strings.Cut(err.Error(), `"`)
	return strings.TrimRight(text, " :")
}

func (s *Server) tooLarge() *codec.Error {
	return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large",
		"The request's body is larger than %d bytes, which is this gateway's limit (--max-body).", s.options.MaxBody)
}
