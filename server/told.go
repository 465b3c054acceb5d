package server

import (
	"fmt"
	"slices"

	"uniapi/codec"
	"uniapi/server/telemetry"
)

// told takes the secrets out of what the client is told of an error, but for what
// it has said itself. The request is looked through whatever the error says: how
// long that takes tells nothing either.
func (a *attempt) told(e *codec.Error) {
	a.lookAtOwn()
	if a.own.Many && a.sent {
		e.Message = fmt.Sprintf("The provider refused the request or failed (status %d). What it says is not shown, since it may repeat the request, which has more than %d escapes to look through for secrets.", e.Status, telemetry.MostSigns)
	}
	a.snap.secrets.ToldBut(e, a.own.Holds)
}

// Clean takes the secrets out of a text that passes as it came, but for what the
// client has said itself.
func (in *inbound) Clean(text []byte) []byte {
	if !in.snap.secrets.HasBytes(text) {
		return text
	}
	in.lookAtOwn()
	return []byte(in.snap.secrets.CleanBut(string(text), in.own.Holds))
}

// CleanText is Clean for a text of an answer that is the provider's own.
func (in *inbound) CleanText(text *string) {
	if in.snap.secrets.Has(*text) {
		in.lookAtOwn()
		*text = in.snap.secrets.CleanBut(*text, in.own.Holds)
	}
}

// CleanWhole is CleanText for all such texts of an answer. Members that nobody knows are left out if they have a
// secret.
func (in *inbound) CleanWhole(whole *codec.Response) {
	whole.Own(in.CleanText)
	bad := func(f codec.Field) bool { return in.snap.secrets.HasBytes(f.Raw) || in.snap.secrets.Has(f.Name) }
	whole.Extra = slices.DeleteFunc(whole.Extra, bad)
	for i := range whole.Choices {
		whole.Choices[i].Extra = slices.DeleteFunc(whole.Choices[i].Extra, bad)
	}
}

// lookAtOwn finds the pieces of secrets that the client has said itself.
func (in *inbound) lookAtOwn() {
	in.lazy.Lock()
	defer in.lazy.Unlock()
	if !in.own.Looked {
		in.own = in.snap.secrets.OwnIn(in.body, in.ctx.Request.Header.RawHeaders(), in.ctx.RequestURI(), in.ctx.Path())
	}
}

// In a stream that has begun, the model's words pass as they come, and what the
// provider says itself is searched for secrets: comments, names of events, errors in
// the place of answers, reasons, warnings. The streams of each format tell which
// events may have such (sse.Censor); most have not.

// Censor overwrites the secrets in an event that stand outside of what the model
// says, but for what the client has said itself.
func (in *inbound) Censor(event []byte) (changed bool) {
	secrets := in.snap.secrets
	// What is taken out of what repeats the request would tell which guess is right.
	muted := in.hasManyEscapes() && telemetry.Mute(event)
	if !secrets.HasBytes(event) {
		return muted
	}
	in.lookAtOwn()
	return secrets.Overwrite(event, telemetry.SpeechIn(event), in.own.Holds) || muted
}

// WantsWhole says whether events must be there whole, however large they are: of a piece
// nobody knows what in it the model says.
func (in *inbound) WantsWhole() bool { return in.hasManyEscapes() }

// hasManyEscapes says whether nobody can look through the request for what the client
// has said itself.
func (in *inbound) hasManyEscapes() bool {
	if len(in.body) <= telemetry.MostSigns {
		return false
	}
	in.lazy.Lock()
	defer in.lazy.Unlock()
	if !in.escapesCounted {
		in.manyEscapes, in.escapesCounted = telemetry.TooManySigns(in.body), true
	}
	return in.manyEscapes
}
