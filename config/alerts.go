package config

import (
	"cmp"
	"net/url"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Alert is what a webhook can be told of.
type Alert string

// The alerts.
const (
	AlertCredit80      Alert = "credit_80"       // a client key has used 80 % of its credits
	AlertCredit100     Alert = "credit_100"      // all of them
	AlertBreakerOpen   Alert = "breaker_open_5m" // a channel, or a provider's key, has rested for five minutes
	AlertReloadRefused Alert = "reload_refused"  // the configuration could not be read again; the old one serves
	AlertLedgerLagging Alert = "ledger_lagging"  // the books cannot be written
	AlertPriceMissing  Alert = "price_missing"   // requests cost the default price, since nobody has said another
)

var allAlerts = []Alert{AlertCredit80, AlertCredit100, AlertBreakerOpen, AlertReloadRefused, AlertLedgerLagging, AlertPriceMissing}

// Alerts are where alerts go, and which. Without a webhook there are none.
type Alerts struct {
	Webhook string
	Secret  string // of the signature; "" sends none
	On      []Alert
}

var alertFields = []field[Alerts]{
	take("webhook", webhook, func(a *Alerts) *string { return &a.Webhook }),
	take("secret", secretText, func(a *Alerts) *string { return &a.Secret }),
	take("on", alertList, func(a *Alerts) *[]Alert { return &a.On }),
}

// alertSettings reads alerts: all there are, unless the file says which.
func alertSettings(d *decoder, n *yaml.Node) (Alerts, bool) {
	a, ok := nested(alertFields, Alerts{On: allAlerts})(d, n)
	if ok && a.Webhook == "" {
		d.fail(n, "", "%s needs a webhook: the http:// or https:// address that takes them", d.key)
		return Alerts{}, false
	}
	return a, ok
}

func alertList(d *decoder, n *yaml.Node) (all []Alert, ok bool) {
	words := make([]string, len(allAlerts))
	for i, a := range allAlerts {
		words[i] = string(a)
	}
	on, ok := listOf(oneOf(words...))(d, n)
	for _, word := range on {
		all = append(all, Alert(word))
	}
	return all, ok
}

// webhook reads an address. It may hold a secret, so no message shows it.
func webhook(d *decoder, n *yaml.Node) (string, bool) {
	s, ok := secretText(d, n)
	u, err := url.Parse(s)
	if ok && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https") {
		d.fail(n, "", "%s must be the http:// or https:// address that takes alerts", d.key)
		return "", false
	}
	return s, ok
}

// String is the setting as `check` shows it.
func (a Alerts) String() string {
	if a.Webhook == "" {
		return ""
	}
	words := make([]string, len(a.On))
	for i, on := range a.On {
		words[i] = string(on)
	}
	u, _ := url.Parse(a.Webhook)
	return strings.Join(words, ", ") + " to " + cmp.Or(u.Host, "?") + map[bool]string{true: ", not signed"}[a.Secret == ""]
}
