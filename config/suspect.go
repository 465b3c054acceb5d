package config

import (
	"net/url"
	"strings"
)

// pathsOfHosts is what stands before /chat/completions at hosts that answer 404 without it, as their documentation has
// it.
var pathsOfHosts = map[string]string{
	"api.openai.com":         "/v1",
	"api.groq.com":           "/openai/v1",
	"api.x.ai":               "/v1",
	"api.mistral.ai":         "/v1",
	"api.moonshot.ai":        "/v1",
	"openrouter.ai":          "/api/v1",
	"api.together.ai":        "/v1",
	"api.together.xyz":       "/v1",
	"api.fireworks.ai":       "/inference/v1",
	"dashscope.aliyuncs.com": "/compatible-mode/v1",
}

// endings are what the path of a base_url ends in when it names an endpoint.
var endings = []string{
	"/chat/completions", "/completions", "/responses", "/messages", "/embeddings", "/models", "/images/generations", "/images/edits",
	"/audio/transcriptions", "/audio/translations", "/audio/speech", "/moderations", "/rerank",
}

// adviseAddresses tells of base_urls that are probably meant otherwise.
func (d *decoder) adviseAddresses() {
	for _, p := range d.cfg.Providers {
		at := d.valueOf(d.providers[p], "base_url")
		u, err := url.Parse(p.BaseURL)
		if at == d.providers[p] || err != nil || u.Host == "" {
			continue
		}
		if key, service := accountElsewhere(p, u); key != "" {
			d.advise(d.valueOf(d.providers[p], key), "%s is for %s, and base_url names another place, which is asked; without base_url %[2]s is", key, service)
		}
		path := strings.TrimRight(u.Path, "/")
		if root := pathsOfHosts[strings.ToLower(u.Hostname())]; root != "" && path == "" && p.Engine == "" {
			d.advise(at, "base_url has no path, and %s has its endpoints below one; write https://%s%s/chat/completions", u.Hostname(), u.Hostname(), root)
			continue
		}
		if ending := misspeltEnding(path); ending != "" {
			d.advise(at, "base_url ends in %s, which is nearly %s; write that, or the path before it", shown(path[strings.LastIndexByte(path, '/'):]), ending)
		}
	}
}

// accountElsewhere names a key of a provider that says whose account is meant, and the service that it is for, where
// the address is not that service's. In uni-api such a key goes before the address.
func accountElsewhere(p *Provider, u *url.URL) (key, service string) {
	place := strings.ToLower(u.Host + u.Path)
	switch {
	case p.Engine != "":
		return "", ""
	case p.ProjectIDs != nil && !strings.Contains(place, "aiplatform.") && !strings.Contains(place, "google-vertex-ai"):
		return "project_id", "Vertex"
	case p.CFAccountID != "" && !strings.Contains(place, "cloudflare.com"):
		return "cf_account_id", "Cloudflare"
	}
	return "", ""
}

// misspeltEnding is the ending that the end of a path is nearly; empty if it is one, or nothing like one.
func misspeltEnding(path string) string {
	for _, ending := range endings {
		if strings.HasSuffix(path, ending) {
			return ""
		}
	}
	segments := strings.Split(path, "/")
	for _, ending := range endings {
		of := strings.Count(ending, "/")
		if len(segments) <= of {
			continue
		}
		last := "/" + strings.Join(segments[len(segments)-of:], "/")
		if d := distance(strings.ToLower(last), ending); d > 0 && d <= 2 {
			return ending
		}
	}
	return ""
}

// adviseTwins tells of what is written twice under two names, or once for two.
func (d *decoder) adviseTwins() {
	roles := map[string]*APIKey{}
	for _, k := range d.cfg.APIKeys {
		if first := roles[k.Role]; first != nil && k.Role != "" {
			d.advise(d.valueOf(d.keys[k], "role"), "the role %s is that of the key in line %d too; logs, metrics and statistics cannot tell them apart: choose another one", shown(k.Role), d.keys[first].Line)
		} else {
			roles[k.Role] = k
		}
	}
	type account struct{ url, key, model string }
	names := map[account]*Provider{}
	for _, p := range d.cfg.Providers {
		told := false
		for _, key := range p.Keys {
			for _, m := range p.Models {
				of := account{strings.TrimRight(p.BaseURL, "/"), key, m.Upstream + "\x00" + m.Alias}
				first := names[of]
				if first == nil {
					names[of] = p
				} else if first != p && first.Name != p.Name && !told {
					told = true
					d.advise(d.providers[p], "provider %s is provider %s of line %d under another name: the address, a key and the model %s are the same, so that what fails there is only asked again; remove one",
						shown(p.Name), shown(first.Name), d.providers[first].Line, shown(m.Alias))
				}
			}
		}
	}
}
