package server

import (
	"net/http"
	"testing"
)

// guarded checks what every answer below /dashboard says to a browser.
func (a answer) guarded(t *testing.T) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestDashboardIsServedWithoutAKey(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for path, kind := range map[string]string{
		"/dashboard/":                         "text/html; charset=utf-8",
		"/dashboard/dashboard.css":            "text/css; charset=utf-8",
		"/dashboard/dashboard.js":             "text/javascript; charset=utf-8",
		"/dashboard/charts.js":                "text/javascript; charset=utf-8",
		"/dashboard/icon.svg":                 "image/svg+xml",
		"/dashboard/vendor/uPlot.iife.min.js": "text/javascript; charset=utf-8",
		"/dashboard/vendor/uPlot.min.css":     "text/css; charset=utf-8",
		"/dashboard/vendor/LICENSE":           "text/plain; charset=utf-8",
		"/dashboard/?anything=else":           "text/html; charset=utf-8",
		"//dashboard//dashboard.css":          "text/css; charset=utf-8",
	} {
		t.Run(path, func(t *testing.T) {
			a := g.do("GET", path, "")
			a.guarded(t)
			etag := a.Header.Get("ETag")
			if a.StatusCode != 200 || a.Header.Get("Content-Type") != kind || a.Header.Get("Cache-Control") != "no-cache" || len(etag) != 34 || a.body == "" {
				t.Fatalf("%d %v", a.StatusCode, a.Header)
			}
			if head := g.do("HEAD", path, ""); head.StatusCode != 200 || head.ContentLength != int64(len(a.body)) || head.Header.Get("ETag") != etag {
				t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
			}
			for known, status := range map[string]int{etag: 304, "W/" + etag: 304, `"another", ` + etag: 304, `"another"`: 200, "*": 200} {
				again := g.do("GET", path, "", "If-None-Match", known)
				again.guarded(t)
				if again.StatusCode != status || (again.body == "") != (status == 304) || again.Header.Get("ETag") != etag {
					t.Errorf("If-None-Match %s: %d %v", known, again.StatusCode, again.Header)
				}
			}
		})
	}
}

func TestDashboardsAddressGetsItsSlash(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	g.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := g.do("GET", "/dashboard", "")
	a.guarded(t)
	if a.StatusCode != 308 || a.Header.Get("Location") != "dashboard/" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestDashboardHasNothingButItsFiles(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, path := range []string{
		"/dashboard/index.html", "/dashboard/nothing.js", "/dashboard/vendor", "/dashboard/vendor/", "/dashboard/vendor/README.md", "/dashboard/dashboard.css/x",
		"/dashboard/billing", "/dashboard/billing/other", "/dashboard/..%5c..%5cgo.mod", "/dashboard/dashboard.css%00", "/dashboard/DASHBOARD.CSS",
	} {
		a := g.do("GET", path, "")
		a.failure(t, 404, "not_found")
		a.guarded(t)
	}
	// What climbs out is another path, and belongs to whoever that is.
	for _, path := range []string{"/dashboard/../go.mod", "/dashboard/%2e%2e/go.mod", "/dashboard/vendor/../../../server.go", "/dashboard/..%2f..%2fetc/passwd"} {
		c := g.dial()
		c.send("GET " + path + " HTTP/1.1\r\nHost: gateway\r\n\r\n")
		c.answer().failure(t, 404, "not_found")
	}
	c := g.dial()
	c.send("GET /dashboard/../v1/stats HTTP/1.1\r\nHost: gateway\r\n\r\n")
	c.answer().failure(t, 401, "invalid_api_key")
	g.do("POST", "/dashboard/", "").failure(t, 405, "method_not_allowed")
}

func TestBillingOfChatClientsIsStillBelowTheDashboard(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, path := range []string{"/dashboard/billing/subscription", "/dashboard/billing/usage"} {
		g.do("GET", path, "").failure(t, 401, "invalid_api_key")
		if a := g.do("GET", path, "", asClient...); a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}
