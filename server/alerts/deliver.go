package alerts

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"uniapi/config"
)

// message is what is told, and what the webhook gets. Chat programs show `text` (Slack, Mattermost) or `content`
// (Discord) and leave the rest.
type message struct {
	Kind     config.Alert `json:"type"`
	Subject  string       `json:"subject"`
	Text     string       `json:"text"`
	Content  string       `json:"content"`
	Time     time.Time    `json:"timestamp"`
	Instance string       `json:"instance"`
	Mentions mentions     `json:"allowed_mentions"`
}

// mentions tells Discord whom a message may call: nobody.
type mentions struct {
	Parse []string `json:"parse"`
}

// deliverer sends messages.
type deliverer struct {
	client *http.Client
	pauses []time.Duration // between the tries of one message; behind the last it is given up
	sleep  func(context.Context, time.Duration) error
}

// usualPauses give a webhook that is away a quarter of an hour. Each try has ten seconds.
var usualPauses = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 7 * time.Minute}

const perTry = 10 * time.Second

// longestPause is how long a webhook may ask to be left alone.
const longestPause = 10 * time.Minute

func newDeliverer() deliverer {
	return deliverer{
		client: &http.Client{
			Timeout: perTry,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse // the signature is for this address alone
			},
		},
		pauses: usualPauses,
		sleep: func(ctx context.Context, d time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
				return nil
			}
		},
	}
}

// refused is a webhook that will not take it, however often it is tried.
type refused struct{ error }

// untilTaken tries until the webhook takes the message or refuses it, or there were tries enough.
func (d *deliverer) untilTaken(ctx context.Context, s *config.Alerts, m *message) error {
	sent := *m
	sent.Text, sent.Content, sent.Mentions.Parse = forSlack(m.Text), forDiscord(m.Text), []string{}
	body, err := json.Marshal(&sent)
	if err != nil {
		return err
	}
	var name [12]byte
	rand.Read(name[:])
	id := "msg_" + hex.EncodeToString(name[:]) // the same for each try, so that the receiver knows it again
	for i := 0; ; i++ {
		wait, err := d.try(ctx, s, id, body)
		var no refused
		if err == nil || errors.As(err, &no) || i == len(d.pauses) {
			return err
		}
		if err := d.sleep(ctx, max(d.pauses[i], min(wait, longestPause))); err != nil {
			return err
		}
	}
}

// try sends the message once. wait is how long the webhook asks to be left alone.
func (d *deliverer) try(ctx context.Context, s *config.Alerts, id string, body []byte) (wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Webhook, bytes.NewReader(body))
	if err != nil {
		return 0, refused{withoutAddress(err)}
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "uni-api")
	request.Header.Set("Webhook-Id", id)
	request.Header.Set("Webhook-Timestamp", at)
	if s.Secret != "" {
		request.Header.Set("Webhook-Signature", "v1,"+Sign(s.Secret, id, at, body))
	}
	answer, err := d.client.Do(request)
	if err != nil {
		return 0, withoutAddress(err)
	}
	io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	answer.Body.Close()
	switch status := answer.StatusCode; {
	case status < 300:
		return 0, nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return time.Duration(max(seconds, 0)) * time.Second, fmt.Errorf("the webhook answered %d", status)
	default:
		return 0, refused{fmt.Errorf("the webhook answered %d; alerts.webhook in api.yaml must be an address that takes POST", status)}
	}
}

// withoutAddress is an error without the address, which may hold a secret.
func withoutAddress(err error) error {
	if u, is := errors.AsType[*url.Error](err); is {
		return fmt.Errorf("the webhook cannot be reached: %w", u.Err)
	}
	return errors.New("the webhook's address cannot be used")
}

// Sign is the signature of a body as Standard Webhooks has it: HMAC-SHA256 over id, time and body, in base64. A secret
// that begins with whsec_ is base64 itself.
func Sign(secret, id, at string, body []byte) string {
	key := []byte(secret)
	if text, is := strings.CutPrefix(secret, "whsec_"); is {
		if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
			key = decoded
		}
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, at)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
