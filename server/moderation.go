package server

import (
	"bytes"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/said"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// moderating is how often what the user says is held while it is judged: put together, and written for the moderator.
const moderating = 3

// moderationModels are asked for in turn: the first that the key may use.
var moderationModels = []string{"omni-moderation-latest", "text-moderation-latest"}

// moderator is the model of a request for moderation that names none: one of those above, else what the key may use
// that is called so.
func (in *inbound) moderator() string {
	if in.key == nil || in.key.routes == nil { // of whom nothing is known
		return moderationModels[0]
	}
	for _, model := range moderationModels {
		if in.key.routes.Find(model) != nil {
			return model
		}
	}
	for _, model := range in.key.routes.Models() {
		if strings.Contains(model, "moderation") {
			return model
		}
	}
	return moderationModels[0]
}

// moderate has what the user says judged before the request is served, through
// the key's own routing (ENABLE_MODERATION). Where nobody can
// judge, the request is stopped, unless the key has fail_open.
func (x *exchange) moderate() *codec.Error {
	if !x.key.Preferences.Moderation || x.endpoint == provider.Moderations || x.endpoint == provider.CountTokens {
		return nil
	}
	text, err := x.userText()
	if err == nil {
		// Nothing of an answer is there yet.
		err = x.holding.Hold(budget.Answer, moderating*len(text))
	}
	defer x.holding.Hold(budget.Answer, 0)
	if err != nil {
		_, told := judge(err, pool.Deadlines{})
		return told
	}
	if text == "" {
		return nil
	}
	flagged, failure := x.flagged(text)
	switch {
	case flagged:
		return errorf(fasthttp.StatusBadRequest, "invalid_request_error", "content_policy_violation",
			"Content did not pass the moral check, please modify and try again.")
	case failure == nil:
		return nil
	case x.key.Preferences.FailOpen:
		x.server.log.Warn("moderation failed; the request goes on (fail_open)", "id", string(x.id), "error", clip(failure.Message))
		return nil
	}
	status := fasthttp.StatusServiceUnavailable
	if x.call.Canceled() {
		status = statusClientGone
	}
	return errorf(status, "server_error", "moderation_failed",
		"The request was not served because it could not be moderated (ENABLE_MODERATION in the gateway's api.yaml; fail_open: true would let it pass): %s",
		failure.Message)
}

// flagged has a moderator that the key may use judge a text.
func (x *exchange) flagged(text string) (flagged bool, failure *codec.Error) {
	route := (*balancer.Route)(nil)
	model := ""
	for _, model = range moderationModels {
		if route = x.key.routes.Find(model); route != nil {
			break
		}
	}
	if route == nil {
		return false, errorf(fasthttp.StatusNotFound, "invalid_request_error", "model_not_found",
			"this API key may use none of %s", strings.Join(moderationModels, ", "))
	}
	body := rawjson.AppendString([]byte(`{"model":`), model)
	body = append(rawjson.AppendString(append(body, `,"input":`...), text), '}')
	m := x.aside(moderator, body)
	m.route, m.within = route, x.latest()
	status := fasthttp.StatusOK
	defer func() { x.moderation = m.endAside(status) }()
	if err := m.readHead(); err != nil {
		_, failure = judge(err, pool.Deadlines{})
		return false, failure
	}
	if failure = m.askChannels(); failure != nil {
		status = failure.Status
		return false, failure
	}
	flagged, _, _ = verdictOn(m.at.answer.Body)
	return flagged, nil
}

// latest is when the whole request must be over on whatever channel it is served, zero if a channel sets no such time.
func (x *exchange) latest() time.Time {
	attributes := x.attributes()
	if total := x.route.Total(&attributes); total > 0 {
		return x.start.Add(total)
	}
	return time.Time{}
}

// verdictOn reads a moderation's answer, and says whether it is one, be it without a verdict.
func verdictOn(answer []byte) (flagged, answered bool, err error) {
	if _, err := codec.CheckObject(answer); err != nil {
		return false, false, err
	}
	top, err := rawjson.One(answer)
	if err != nil {
		return false, false, err
	}
	results := top.Get(answer, "results").Elements(answer)
	judged := false
	for results.Next() {
		verdict := results.Value.Get(answer, "flagged")
		judged = judged || verdict.Kind == rawjson.True || verdict.Kind == rawjson.False
		flagged = flagged || verdict.Kind == rawjson.True
	}
	if !judged {
		return false, true, codec.NoAnswer("the moderation's answer has no results[].flagged")
	}
	return flagged, true, nil
}

// userText is what the user says that was not judged before: see package said. A form says it in its texts.
func (in *inbound) userText() (string, error) {
	most := 2 * len(in.body)
	room := func(extra int) error {
		most += extra
		return in.holding.Hold(budget.Request, most)
	}
	defer in.holding.Hold(budget.Request, 0)
	if err := room(0); err != nil {
		return "", err
	}
	var text []byte
	var err error
	switch whole := in.path.Raw || in.endpoint == provider.Completions; {
	case in.head.IsForm:
		text, err = in.formText(room)
	case in.endpoint != provider.Embeddings && !in.key.Preferences.FailOpen && said.Tokens(in.body):
		err = codec.BadRequest("prompt", "the request has numbers in the place of its words, which could not be moderated (ENABLE_MODERATION in the gateway's api.yaml): send texts")
	default:
		text, err = said.Judged(in.body, whole, room)
	}
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(text)), nil
}

// formText is the text in a form, be it in a file.
func (in *inbound) formText(room func(extra int) error) (text []byte, err error) {
	for _, field := range in.head.Form.Fields {
		content := in.body[field.Start:field.End]
		isText := !field.File || !takesMedia(field.Name)
		if said.Setting(field.Name) && !field.File && len(content) <= said.LongestSetting || !isText && !said.IsText(content) {
			continue
		}
		if text, err = said.AppendFile(text, content, isText, room); err != nil {
			return nil, err
		}
		text = append(text, '\n')
	}
	return text, nil
}

// takesMedia says whether a file in the field of a form is an image or a sound.
func takesMedia(field string) bool {
	for _, name := range []string{"image", "mask", "file", "audio", "video"} {
		if strings.HasPrefix(field, name) {
			return true
		}
	}
	return false
}
