package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkProviders looks at each provider as a whole and at their names.
func (d *decoder) checkProviders() {
	lines := map[string]int{}
	for _, p := range d.cfg.Providers {
		d.of(p.called, func() {
			if !d.within(ItemProvider, func() { d.checkProvider(p, lines) }) {
				d.leaveProvider(p)
			}
		})
	}
}

func (d *decoder) checkProvider(p *Provider, lines map[string]int) {
	at := d.providers[p]
	switch {
	case p.Name == "":
		d.fail(at, "", "this provider has no name; add provider: NAME")
	case strings.HasPrefix(p.Name, "sk-"):
		d.fail(at, p.Name, "provider %s has a name that begins with sk-, like a client key; choose another name", shown(p.Name))
	case strings.Contains(p.Name, "/"):
		d.warn(at, p.Name, "provider %s has a slash in its name, so no rule PROVIDER/MODEL can name it; choose another name", shown(p.Name))
	}
	if first, twice := lines[p.Name]; twice {
		d.warn(at, p.Name, "provider %s is written twice, first in line %d; both are used, but cooling and statistics cannot tell them apart",
			shown(p.Name), first)
	} else if p.Name != "" {
		lines[p.Name] = at.Line
	}
	d.checkBaseURL(p)
	d.checkCredentials(p)
	if d.badProxy && p.Preferences.Proxy == "" {
		d.fail(at, p.Name, "provider %s would go around preferences.proxy, which cannot be read; correct that, or give the provider a proxy of its own", shown(p.Name))
	}
}

func (d *decoder) checkBaseURL(p *Provider) {
	at := d.valueOf(d.providers[p], "base_url")
	if p.BaseURL == "" && !isPlain(at) && at != d.providers[p] && !isNull(at) {
		return // of the wrong kind, which has been noted
	}
	if p.BaseURL == "" {
		d.fail(at, "", "provider %s has no base_url; add one such as https://api.example.com/v1/chat/completions (only Vertex with project_id, Cloudflare with cf_account_id and engine: cohere need none)",
			shown(p.Name))
		return
	}
	word := maskURL(p.BaseURL)
	scheme, rest, _ := strings.Cut(p.BaseURL, "://")
	if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
		d.fail(at, word, "base_url %s must begin with https:// or http://", shown(word))
		return
	}
	p.BaseURL = scheme + "://" + rest
	u, err := url.Parse(p.BaseURL)
	switch {
	case err != nil || u.Hostname() == "":
		d.fail(at, word, "base_url %s is no URL with a host; write https://HOST/PATH", shown(word))
	case !validPort(u.Port()):
		d.fail(at, word, "base_url %s has a port that does not exist; ports go from 1 to 65535", shown(word))
	}
}

// validPort is true of no port, too: then the scheme's is meant.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// checkCredentials finds halves of credentials.
func (d *decoder) checkCredentials(p *Provider) {
	for _, pair := range [...]struct {
		key, value, otherKey, other string
	}{
		{"private_key", p.PrivateKey, "client_email", p.ClientEmail},
		{"aws_access_key", p.AWSAccessKey, "aws_secret_key", p.AWSSecretKey},
	} {
		if (pair.value == "") != (pair.other == "") {
			have, lack := pair.key, pair.otherKey
			if pair.value == "" {
				have, lack = lack, have
			}
			d.fail(d.valueOf(d.providers[p], have), have, "provider %s has %s but no %s; add it", shown(p.Name), have, lack)
		}
	}
	if len(p.ProjectIDs) > 1 {
		if d.lostKeys[p] {
			d.leaveProvider(p) // the keys are aligned with the projects
		}
		return
	}
	seen := map[string]bool{}
	unique := p.Keys[:0]
	for _, k := range p.Keys {
		if seen[k] {
			at := d.valueOf(d.providers[p], "api")
			d.warn(at, Mask(k), "provider %s has the key %s twice; one is ignored", shown(p.Name), Mask(k))
			continue
		}
		seen[k] = true
		unique = append(unique, k)
	}
	p.Keys = unique
}

// checkKeys looks at the client keys as a whole and reads their rules.
func (d *decoder) checkKeys() {
	keys := map[string]*APIKey{}
	for _, k := range d.cfg.APIKeys {
		d.of(k.called, func() {
			if !d.within(ItemKey, func() { d.checkKey(k, keys) }) {
				d.leaveKey(k)
			}
		})
	}
	for _, k := range d.cfg.APIKeys {
		d.of(k.called, func() { d.readRules(k, keys) })
	}
	d.nameKeys()
	d.adviseKeys()
	d.adviseProviderKeys()
	d.adviseAddresses()
	d.checkSearches()
	d.adviseTwins()
	if d.checkCycles(keys) {
		return
	}
	offers := d.offers(keys)
	for _, k := range d.cfg.APIKeys {
		d.of(k.called, func() { d.checkRules(k, offers) })
	}
}

func (d *decoder) checkKey(k *APIKey, keys map[string]*APIKey) {
	at := d.valueOf(d.keys[k], "api")
	if first := keys[k.Key]; first != nil {
		d.fail(at, Mask(k.Key), "the key %s is in api_keys twice, first in line %d; remove one", Mask(k.Key), d.keys[first].Line)
		return
	}
	if k.Key == "" {
		d.fail(at, "", "this entry of api_keys has no key; add api: sk-…")
		return
	}
	if strings.ContainsAny(k.Key, " \t\r\n") {
		d.fail(at, "", "this key has a space in it, which no client can send; remove it")
	} else if what := unsendable(k.Key); what != "" { // as a copy has it that took along more than the key
		d.fail(at, "", "this key has %s in it, which no client can send; write it again by hand, or let `uni-api keygen` make another one", what)
	}
	keys[k.Key] = k
	d.checkAccess(k)
}

// nameKeys gives every key without a role an alias that no other key has.
func (d *decoder) nameKeys() {
	taken := map[string]bool{}
	for _, k := range d.cfg.APIKeys {
		if k.Role != "" {
			taken[k.Role] = true
			k.Alias = k.Role
		}
	}
	for i, k := range d.cfg.APIKeys {
		if k.Alias != "" {
			continue
		}
		k.Alias = keyAlias(k.Key)
		if taken[k.Alias] {
			k.Alias = fmt.Sprintf("%s#%d", k.Alias, i+1)
		}
		taken[k.Alias] = true
	}
}

// checkCycles finds client keys that use each other in a ring: a request would run around in it.
func (d *decoder) checkCycles(keys map[string]*APIKey) bool {
	const (
		unseen = iota
		open   // on the path
		done
	)
	state := map[*APIKey]int{}
	closing := map[*APIKey][]int{} // rules that would close a ring
	var path []*APIKey
	var walk func(k *APIKey)
	walk = func(k *APIKey) {
		state[k] = open
		path = append(path, k)
		for i, r := range k.Rules {
			next := keys[r.Key]
			if r.Key == "" || next == nil {
				continue
			}
			switch state[next] {
			case unseen:
				walk(next)
			case open:
				closing[k] = append(closing[k], i)
				node := d.rules[k][i]
				d.within(ItemRule, func() {
					d.fail(node.at, node.text, "the rules of these client keys lead back to where they began: %s; remove one of the rules", d.ring(path, next))
				})
			}
		}
		path = path[:len(path)-1]
		state[k] = done
	}
	for _, k := range d.cfg.APIKeys {
		if state[k] == unseen {
			walk(k)
		}
	}
	for k, indices := range closing {
		for _, i := range slices.Backward(indices) {
			k.Rules = slices.Delete(k.Rules, i, i+1)
		}
	}
	return len(closing) > 0
}

func (d *decoder) ring(path []*APIKey, start *APIKey) string {
	var steps []string
	for _, k := range slices.Concat(path, []*APIKey{start}) {
		if k == start || len(steps) > 0 {
			steps = append(steps, fmt.Sprintf("%s (line %d)", k.Alias, d.keys[k].Line))
		}
	}
	return strings.Join(steps, " → ")
}
