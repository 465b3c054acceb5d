package config

import (
	"net/url"
	"testing"
)

// The expectations are those of httpx 0.28, but for ranges of addresses, which it takes for a name.
func TestEnvironmentsProxiesAreThoseThatHTTPXWouldUse(t *testing.T) {
	const http, https, all = "http://plain:1", "http://secure:2", "socks5://any:3"
	for name, test := range map[string]struct {
		env  map[string]string
		want map[string]string // address → proxy
	}{
		"by scheme": {map[string]string{"HTTP_PROXY": http, "HTTPS_PROXY": https}, map[string]string{
			"http://a.example/v1": http, "https://a.example/v1": https, "http://127.0.0.1:8000/": http, "http://localhost/": http}},
		"all where there is none of its own": {map[string]string{"HTTPS_PROXY": https, "ALL_PROXY": all}, map[string]string{
			"http://a.example": all, "https://a.example": https}},
		"lower case first":          {map[string]string{"HTTP_PROXY": "http://other:9", "http_proxy": http}, map[string]string{"http://a.example": http}},
		"a proxy without a scheme":  {map[string]string{"HTTPS_PROXY": "secure:2"}, map[string]string{"https://a.example": https}},
		"none where programs serve": {map[string]string{"HTTP_PROXY": http, "REQUEST_METHOD": "GET"}, map[string]string{"http://a.example": ""}},
		"all exceptions":            {map[string]string{"ALL_PROXY": all, "NO_PROXY": "a.example, *"}, map[string]string{"http://b.example": ""}},
		"exceptions": {map[string]string{"ALL_PROXY": all, "no_proxy": " localhost,10.0.0.1,192.168.0.0/16,[::1],a.example,.b.example,c.example:8443,https://d.example,*.e.example,"}, map[string]string{
			"http://localhost:11434/v1": "", "http://10.0.0.1/": "", "http://10.0.0.2/": all, "http://192.168.3.4/": "", "http://[::1]:8/": "",
			"https://a.example": "", "https://x.a.example": "", "https://aa.example": all,
			"https://b.example": all, "https://x.b.example": "",
			"https://c.example:8443": "", "https://c.example": all,
			"https://d.example": "", "http://d.example": all,
			"https://e.example": all, "https://x.e.example": "",
		}},
		"a port that is the scheme's own": {map[string]string{"ALL_PROXY": all, "NO_PROXY": "c.example:443"}, map[string]string{"https://c.example": "", "http://c.example": all}},
	} {
		t.Run(name, func(t *testing.T) {
			e := proxiesOf(func(name string) string { return test.env[name] })
			for address, want := range test.want {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				if got := e.For(u); got != want {
					t.Errorf("%s: %q, not %q", address, got, want)
				}
			}
		})
	}
}

func TestWhatTheFileSaysOfAProxyGoesBeforeTheEnvironment(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "a.example"}
	for _, test := range []struct{ provider, global, want string }{
		{"", "", "http://env:1"},
		{"", "http://global:1", "http://global:1"},
		{"http://own:1", "http://global:1", "http://own:1"},
		{"", Direct, ""},
		{Direct, "http://global:1", ""},
		{"http://own:1", Direct, "http://own:1"},
	} {
		cfg := &Config{Preferences: Preferences{Proxy: test.global}, Proxies: EnvProxies{HTTPS: "http://env:1"}}
		if got := cfg.ProxyFor(&Provider{Preferences: ProviderPreferences{Proxy: test.provider}}, u); got != test.want {
			t.Errorf("provider %q, file %q: %q, not %q", test.provider, test.global, got, test.want)
		}
	}
}

func FuzzProxiesOfTheEnvironment(f *testing.F) {
	f.Add("a.example,*.b.example:8,[::1]:3,10.0.0.0/8,https://c.example", "https://x.a.example:8443/v1")
	f.Add("]:,:,*,.,[]", "http://]:")
	f.Fuzz(func(t *testing.T, except, address string) {
		e := proxiesOf(func(name string) string {
			return map[string]string{"ALL_PROXY": "http://p:1", "NO_PROXY": except}[name]
		})
		if u, err := url.Parse(address); err == nil {
			if got := e.For(u); got != "" && got != "http://p:1" {
				t.Errorf("the proxy is %q", got)
			}
		}
	})
}
