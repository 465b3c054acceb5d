package server

import (
	"fmt"

	"uniapi/codec"
)

// told takes the secrets out of what the client is told of an error, but for what
// it has said itself. The request is looked through whatever the error says: how
// long that takes tells nothing either.
func (x *exchange) told(e *codec.Error) {
	x.lookAtOwn()
	if x.own.many && x.sent {
		e.Message = fmt.Sprintf("The provider refused the request or failed (status %d). What it says is not shown, since it may repeat the request, which has more than %d escapes to look through for secrets.", e.Status, mostSigns)
	}
	x.snap.secrets.toldBut(e, x.own.holds)
}

// clean takes the secrets out of a text that passes as it came, but for what the
// client has said itself.
func (x *exchange) clean(text []byte) []byte {
	if !x.snap.secrets.hasBytes(text) {
		return text
	}
	x.lookAtOwn()
	return []byte(x.snap.secrets.cleanBut(string(text), x.own.holds))
}

// lookAtOwn finds the pieces of secrets that the client has said itself.
func (x *exchange) lookAtOwn() {
	if !x.own.looked {
		x.own = x.snap.secrets.ownIn(x.body, x.ctx.Request.Header.RawHeaders(), x.ctx.RequestURI(), x.ctx.Path())
	}
}

// In a stream that has begun, the model's words pass as they come, and what the
// provider says itself is searched for secrets: comments, names of events, errors in
// the place of answers, reasons, warnings. The streams of each format tell which
// events may have such (sse.Censor); most have not.

// Censor overwrites the secrets in an event that stand outside of what the model
// says, but for what the client has said itself.
func (x *exchange) Censor(event []byte) (changed bool) {
	secrets := x.snap.secrets
	if !secrets.hasBytes(event) {
		return false
	}
	x.lookAtOwn()
	but := speechIn(event)
	if x.own.many { // what is taken out of what repeats the request would tell which guess is right
		but = linesThatMayRepeat(event)
	}
	return secrets.overwrite(event, but, x.own.holds)
}
