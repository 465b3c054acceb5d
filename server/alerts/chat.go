package alerts

import (
	"strings"
	"unicode"
)

// Names of models and what providers say of their errors stand in alerts. Nothing
// of that may call a channel together, show a link under another name, or hide
// what follows, in the programs that show alerts.

// mostContent is how many characters Discord takes in `content`; more is answered by 400.
const mostContent = 2000

// notify is behind an @ so that nobody is notified: a space without width, which
// Mattermost, Discord and Slack's link_names take for the end of the name.
const notify = "@\u200b"

// Slack's escapes are these three and no more (docs.slack.dev, "Formatting message
// text"); behind them <!channel> and <https://…|name> are words.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", notify)

// forSlack is a text as Slack and Mattermost show it.
func forSlack(text string) string { return slackEscapes.Replace(oneLine(text)) }

var discordEscapes = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "<", `\<`,
	"[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "#", `\#`, "@", notify)

// forDiscord is a text as Discord shows it, which reads Markdown.
func forDiscord(text string) string {
	escaped := []rune(discordEscapes.Replace(oneLine(text)))
	if len(escaped) > mostContent {
		escaped = append(escaped[:mostContent-1], '…')
	}
	return string(escaped)
}

// oneLine has a space in the place of what no reader sees: control characters,
// and those that change the direction of what follows.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
}
