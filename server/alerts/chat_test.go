package alerts

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"uniapi/config"
)

func TestAlertsCallNobodyTogetherInChatPrograms(t *testing.T) {
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
	defer server.Close()
	for _, c := range []struct{ name, text, slack, discord string }{
		{"plain words", "Key k has spent 80 % of its credit.", "Key k has spent 80 % of its credit.", "Key k has spent 80 % of its credit."},
		{"Slack's mention", "model <!channel> & more", "model &lt;!channel&gt; &amp; more", `model \<!channel\> & more`},
		{"Slack's link", "<https://evil.example|sign in>", "&lt;https://evil.example|sign in&gt;", `\<https://evil.example\|sign in\>`},
		{"a mention by name", "@everyone @here", "@\u200beveryone @\u200bhere", "@\u200beveryone @\u200bhere"},
		{"Discord's link", "[sign in](https://evil.example)", "[sign in](https://evil.example)", `\[sign in\]\(https://evil.example\)`},
		{"Markdown", "gpt_4*o* `x` ||y|| ~~z~~", "gpt_4*o* `x` ||y|| ~~z~~", "gpt\\_4\\*o\\* \\`x\\` \\|\\|y\\|\\| \\~\\~z\\~\\~"},
		{"lines and directions", "a\r\nb\u202ec\u2028d\u009be", "a  b c d e", "a  b c d e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDeliverer()
			told := &message{Kind: config.AlertCredit80, Subject: c.text, Text: c.text}
			if err := d.untilTaken(t.Context(), &config.Alerts{Webhook: server.URL}, told); err != nil {
				t.Fatal(err)
			}
			var got struct {
				Subject, Text, Content string
				Mentions               struct{ Parse []string } `json:"allowed_mentions"`
			}
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			if got.Text != c.slack || got.Content != c.discord || got.Subject != c.text {
				t.Errorf("%+q", got)
			}
			if got.Mentions.Parse == nil || len(got.Mentions.Parse) != 0 {
				t.Errorf("allowed_mentions: %v, which lets some be called", got.Mentions.Parse)
			}
			if told.Text != c.text {
				t.Error("what was told has changed, which a log would show")
			}
		})
	}
}

func TestAlertsFitIntoDiscord(t *testing.T) {
	for _, text := range []string{strings.Repeat("é", 1999), strings.Repeat("é", 2000), strings.Repeat("é_", 2000)} {
		if n := utf8.RuneCountInString(forDiscord(text)); n > mostContent || n < 1999 {
			t.Errorf("%d characters", n)
		}
	}
}
