package config

import (
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// shortestKey is from how many characters on a client key is not warned of. `uni-api keygen` makes 51.
const shortestKey = 16

// publishedKeys are the client keys of examples: ours, and those of uni-api's README, which people have copied for
// years. Whoever tries keys tries these first.
var publishedKeys = []string{
	"sk-replace-me-with-what-uni-api-keygen-prints",
	"sk-replace-me-too-each-client-gets-a-key-of-its-own",
	"sk-choose-one",
	"sk-team",
	"sk-a-key-for-the-team",
	"sk-a-client-key-of-uni-api",

	"sk-Pkj60Yf8JFWxfgRmXQFWyGtWUddGZnmi3KlvowmRWpWpQxx",
	"sk-KjjI60Yf0JFWxfgRmXqFWyGtWUd9GZnmi3KlvowmRWpWpQRo",
	"sk-pkhf60Yf0JGyJxgRmXqFQyTgWUd9GZnmi3KlvowmRWpWqrhy",
	"sk-KjjI60Yd0JFWtxxxxxxxxxxxxxxwmRWpWpQRo",
}

// isPublished says whether a key is one of an example's.
func isPublished(key string) bool {
	for _, known := range publishedKeys {
		if strings.EqualFold(key, known) {
			return true
		}
	}
	return false
}

// adviseKeys tells of client keys that somebody else may know or guess, and of providers' that cannot be kept out of
// texts. Never of which characters they are.
func (d *decoder) adviseKeys() {
	for _, k := range d.cfg.APIKeys {
		at := d.valueOf(d.keys[k], "api")
		switch {
		case k.Key == "": // which is an error
		case isPublished(k.Key):
			d.advise(at, "the key %s is that of a published example, which everybody knows; let `uni-api keygen` make another one", Mask(k.Key))
		case IsRow(k.Key) && len([]rune(k.Key)) >= shortestKey:
			d.advise(at, "the key %s repeats a few characters and can be guessed; let `uni-api keygen` make another one", Mask(k.Key))
		case len([]rune(k.Key)) < shortestKey:
			d.advise(at, "the key %s has fewer than %d characters and can be guessed; let `uni-api keygen` make another one", Mask(k.Key), shortestKey)
		}
	}
}

// shortestSought is from how many bytes on a secret is looked for in texts: see package telemetry.
const shortestSought = 8

// adviseProviderKeys tells of keys that are looked for nowhere although they are long enough.
func (d *decoder) adviseProviderKeys() {
	for _, p := range d.cfg.Providers {
		for _, key := range p.Keys {
			if len(key) >= shortestSought && IsRow(key) {
				d.advise(d.valueOf(d.providers[p], "api"), "the key %s repeats a few characters, as any text may: it is not taken out of errors and logs. If it is a real one, have the provider make another; if it stands for none, a shorter one such as none does", Mask(key))
			}
		}
	}
}

func (d *decoder) advise(n *yaml.Node, format string, args ...any) {
	d.note(&d.advice, Warning, n, "", format, args)
}
