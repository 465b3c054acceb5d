package pool

import (
	"strings"
	"testing"
)

func TestSameArgumentsGiveTheSameTarget(t *testing.T) {
	p := newPool(t, Options{})
	a := target(t, p, "https", "api.example.test", "")
	for _, tt := range []struct {
		scheme, addr, proxy string
		same                bool
	}{
		{"https", "api.example.test", "", true},
		{"https", "api.example.test:443", "", true},
		{"http", "api.example.test:443", "", false},
		{"https", "api.example.test:444", "", false},
		{"https", "api.example.test", "http://127.0.0.1:3128", false},
	} {
		if b := target(t, p, tt.scheme, tt.addr, tt.proxy); (a == b) != tt.same {
			t.Errorf("%s: same %v, want %v", b, a == b, tt.same)
		}
	}
}

func TestTargetNames(t *testing.T) {
	p := newPool(t, Options{})
	for _, tt := range []struct{ scheme, addr, proxy, dials, name string }{
		{"https", "example.test", "", "example.test:443", "https://example.test"},
		{"https", "example.test:443", "", "example.test:443", "https://example.test"},
		{"http", "example.test:443", "", "example.test:443", "http://example.test:443"},
		{"http", "[::1]", "", "[::1]:80", "http://[::1]"},
		{"http", "[::1]:8080", "", "[::1]:8080", "http://[::1]:8080"},
		{"https", "example.test", "socks5h://u:p@proxy.test", "example.test:443", "https://example.test via socks5h://proxy.test:1080"},
		{"https", "example.test", "http://u:p@proxy.test/", "example.test:443", "https://example.test via http://proxy.test:80"},
	} {
		tg := target(t, p, tt.scheme, tt.addr, tt.proxy)
		if tg.String() != tt.name || tg.addr != tt.dials {
			t.Errorf("%s %s; want %s %s", tg, tg.addr, tt.name, tt.dials)
		}
	}
}

func TestBadTargetsNameThemselvesWithoutThePassword(t *testing.T) {
	p := newPool(t, Options{})
	for _, tt := range []struct{ scheme, addr, proxy, text string }{
		{"ftp", "example.test", "", `"ftp"`},
		{"", "example.test", "", "http or https"},
		{"http", "", "", `""`},
		{"http", "a b", "", `"a b"`},
		{"http", "example.test/path", "", "/path"},
		{"http", "::1:x", "", "::1:x"},
		{"http", "example.test:", "", "port"},
		{"http", "example.test", "127.0.0.1:8080", "127.0.0.1:8080"},
		{"http", "example.test", "ftp://u:secret@proxy.test", "ftp://***@proxy.test"},
		{"http", "example.test", "http://u:secret@", "http://***@"},
		{"http", "example.test", "http://u:sec#ret@proxy.test", "percent-encoded"},
		{"http", "example.test", "http://u:sec/ret@proxy.test", "percent-encoded"},
		{"http", "example.test", "http://u:sec%zzret@proxy.test:1", "http://***@proxy.test:1"},
		{"http", "example.test", "socks5://:secret@proxy.test", "1 to 255"},
		{"http", "example.test", "u:secret@proxy.test:1", "***@proxy.test:1"},
		{"http", "example.test", "http://proxy.test/?secret=1", "percent-encoded"},
	} {
		_, err := p.Target(tt.scheme, tt.addr, tt.proxy)
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v; want %q", tt.proxy+tt.addr, err, tt.text)
		} else if strings.Contains(err.Error(), "sec") && !strings.Contains(tt.proxy, "?") {
			t.Errorf("a secret in %q", err)
		}
	}
}
