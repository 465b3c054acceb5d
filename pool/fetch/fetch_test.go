package fetch

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/pooltest"
)

const (
	pngBytes = "\x89PNG\r\n\x1a\nand the rest of it"
	pdfBytes = "%PDF-1.7 and the rest of it"
)

var images = []string{"image/"}

// allowLoopback is for tests whose servers stand in for public ones.
func allowLoopback() config.ImageFetch {
	return config.ImageFetch{AllowNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func newFetcher(t testing.TB, rules config.ImageFetch, base *tls.Config) *Fetcher {
	f := New(rules, pool.New(pool.Options{TLS: base}).TLS(), newCache(t, 64<<20))
	f.step = time.Millisecond
	return f
}

func newCache(t testing.TB, bytes int) *Cache {
	t.Helper()
	cache, err := NewCache(bytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	return cache
}

// site is a web server that counts its requests.
func site(t testing.TB, serve http.HandlerFunc) (address string, seen *atomic.Int64) {
	t.Helper()
	seen = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, seen
}

func say(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }
}

// nameServer is a resolver of the test's own: each question for an IPv4 address is answered with what answer says.
func nameServer(answer func(name string) []string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for { // as over TCP: two bytes of length before each message
				head := make([]byte, 2)
				if _, err := io.ReadFull(server, head); err != nil {
					return
				}
				question := make([]byte, int(head[0])<<8|int(head[1]))
				_, _ = io.ReadFull(server, question)
				var m dnsmessage.Message
				if m.Unpack(question) != nil {
					return
				}
				m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
				q := m.Questions[0]
				addrs := answer(q.Name.String())
				if addrs == nil {
					m.RCode = dnsmessage.RCodeNameError
				}
				for _, a := range addrs {
					if q.Type == dnsmessage.TypeA {
						m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
							Body: &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()}})
					}
				}
				packed, _ := m.Pack()
				_, _ = server.Write(append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...))
			}
		}()
		return client, nil
	}}
}

func TestFetchedContentIsToldByItsFirstBytes(t *testing.T) {
	for _, tt := range []struct{ name, content, kind, mime string }{ // mime "" is refused
		{"PNG", pngBytes, "image/", "image/png"},
		{"JPEG", "\xff\xd8\xff\xe0\x00\x10JFIF", "image/", "image/jpeg"},
		{"GIF", "GIF89a....", "image/", "image/gif"},
		{"WebP", "RIFF\x10\x00\x00\x00WEBPVP8 ", "image/", "image/webp"},
		{"PDF", pdfBytes, "application/pdf", "application/pdf"},
		{"WAV", "RIFF\x10\x00\x00\x00WAVEfmt ", "audio/", "audio/wav"},
		{"MP3 with tags", "ID3\x04", "audio/", "audio/mp3"},
		{"MP3 without", "\xff\xfb\x90\x00", "audio/", "audio/mp3"},
		{"AAC", "\xff\xf1\x50\x80", "audio/", "audio/aac"},
		{"Ogg", "OggS\x00", "audio/", "audio/ogg"},
		{"FLAC", "fLaC\x00", "audio/", "audio/flac"},
		{"PDF for an image", pdfBytes, "image/", ""},
		{"HTML that says it is an image", "<html>", "image/", ""},
		{"SVG, which can hold scripts", "<svg xmlns=", "image/", ""},
		{"UTF-16", "\xff\xfeh\x00i\x00", "audio/", ""},
		{"nothing", "", "image/", ""},
		{"half a head", "RIFF\x10", "image/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "image/png")
				say(tt.content)(w, r)
			})
			got, err := newFetcher(t, allowLoopback(), nil).Fetch(t.Context(), address+"/a", nil, tt.kind)
			if tt.mime == "" {
				if err == nil || !strings.Contains(err.Error(), "what is there is none of") {
					t.Fatalf("got %+v, %v", got, err)
				}
				return
			}
			want := Content{tt.mime, base64.StdEncoding.EncodeToString([]byte(tt.content))}
			if err != nil || got != want {
				t.Fatalf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestWhatIsNotFetchedIsExplained(t *testing.T) {
	inside, seen := site(t, say(pngBytes))
	port := inside[strings.LastIndexByte(inside, ':'):]
	f := newFetcher(t, config.ImageFetch{}, nil)
	f.resolver = nameServer(func(name string) []string {
		return map[string][]string{"inside.example.test.": {"10.0.0.1", "127.0.0.1"}}[name]
	})
	for _, tt := range []struct{ name, address, want string }{
		{"loopback", inside + "/a.png", "could not fetch " + inside + "/a.png: " + notPublic},
		{"a name for it", "http://inside.example.test" + port + "/", notPublic},
		{"IPv6", "http://[::1]" + port + "/", notPublic},
		{"IPv4 in IPv6", "http://[::ffff:127.0.0.1]" + port + "/", notPublic},
		{"metadata", "http://169.254.169.254/latest/meta-data/", notPublic},
		{"a zone", "http://[fe80::1%25lo]/", notPublic},
		{"an unknown name", "https://nobody.example.test/a.png?signature=secret#x", "could not fetch https://nobody.example.test/a.png: " + notPublic},
		{"another scheme", "file:///etc/passwd", "could not fetch file:///etc/passwd: only http and https addresses are fetched"},
		{"a login", "http://user:secret@127.0.0.1/a", "could not fetch http://127.0.0.1/a: it holds a user name or password"},
		{"no host", "http:///a", "it names no host"},
		{"no address", "http://a b/", "it is no valid address"},
		{"far too long", "http://127.0.0.1/" + strings.Repeat("a", 9000), "longer than 8192 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.Fetch(t.Context(), tt.address, nil, images...)
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if text := err.Error(); strings.Contains(text, "secret") || len(text) > 400 {
				t.Errorf("too much in the message: %s", text)
			}
		})
	}
	if seen.Load() != 0 {
		t.Errorf("%d requests reached the inside", seen.Load())
	}
}

// TestRefusalsDoNotTellWhatIsInside asks for what there is and what there is not in the gateway's network, also by way
// of a site that may be asked.
func TestRefusalsDoNotTellWhatIsInside(t *testing.T) {
	inside, seen := site(t, say(pngBytes))
	outside, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	rules := config.ImageFetch{AllowHosts: []string{"localhost"}}
	f := newFetcher(t, rules, nil)
	f.step = 50 * time.Millisecond
	f.resolver = nameServer(func(name string) []string {
		return map[string][]string{"inside.example.test.": {"10.0.0.1"}, "here.example.test.": {"127.0.0.1"}}[name]
	})
	outside = strings.Replace(outside, "127.0.0.1", "localhost", 1)
	for _, address := range []string{inside, "http://127.0.0.1:1/", "http://[::1]/", "http://10.1.2.3/", "http://inside.example.test/", "https://here.example.test/", "http://nobody.example.test/", "http://nobody/", "https://nobody.example.test/"} {
		begun := time.Now()
		_, err := f.Fetch(t.Context(), address, nil, images...)
		if took := time.Since(begun); took < f.step || err == nil || err.Error() != "could not fetch "+address+": "+notPublic {
			t.Errorf("%s: after %v: %v", address, took, err)
		}
		failed, is := errors.AsType[*Error](err)
		if !is || failed.Cause() == nil || strings.Contains(failed.Cause().Error(), notPublic) {
			t.Errorf("%s: the log has %v", address, failed)
		}
		begun = time.Now()
		_, err = f.Fetch(t.Context(), outside+"/?to="+address, nil, images...)
		if took := time.Since(begun); took < f.step || err == nil || err.Error() != "could not fetch "+outside+"/: "+notPublic {
			t.Errorf("%s behind a redirect: after %v: %v", address, took, err)
		}
	}
	if seen.Load() != 0 {
		t.Errorf("%d requests reached the inside", seen.Load())
	}
}

// TestRedirectDoesNotMoveTheTimeOfARefusal has a site that takes its time before it redirects: the refusal is told as
// long after the redirect as ever.
func TestRedirectDoesNotMoveTheTimeOfARefusal(t *testing.T) {
	redirected := make(chan time.Time, 1)
	outside, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(90 * time.Millisecond)
		redirected <- time.Now()
		http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
	})
	f := newFetcher(t, config.ImageFetch{AllowHosts: []string{"localhost"}}, nil)
	f.step = 100 * time.Millisecond
	_, err := f.Fetch(t.Context(), strings.Replace(outside, "127.0.0.1", "localhost", 1), nil, images...)
	if took := time.Since(<-redirected); err == nil || took < f.step {
		t.Errorf("%v after the redirect: %v", took, err)
	}
}

func TestAnswersThatAreNoneAreExplained(t *testing.T) {
	address, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/announced":
			w.Header().Set("Content-Length", "2000")
			_, _ = io.WriteString(w, pngBytes)
		case "/endless":
			for range 100 {
				_, _ = io.WriteString(w, pngBytes)
				w.(http.Flusher).Flush()
			}
		case "/cut":
			w.Header().Set("Content-Length", "900")
			_, _ = io.WriteString(w, pngBytes)
		case "/fits":
			_, _ = io.WriteString(w, pngBytes+strings.Repeat("x", 1000-len(pngBytes)))
		}
	})
	rules := allowLoopback()
	rules.MaxSize = 1000
	f := newFetcher(t, rules, nil)
	for path, want := range map[string]string{
		"/missing": "its server answered 404 Not Found", "/announced": "it has more than 1000 bytes (preferences.image_fetch.max_size)",
		"/endless": "it has more than 1000 bytes", "/cut": "its server broke off", "/fits": "",
	} {
		_, err := f.Fetch(t.Context(), address+path, nil, images...)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want) && !strings.Contains(err.Error(), want+" (")) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if _, err := f.Fetch(t.Context(), "http://127.0.0.1:1/", nil, images...); err == nil || !strings.Contains(err.Error(), "refuses the connection") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestEveryRedirectIsCheckedAgain(t *testing.T) {
	inside, seen := site(t, say(pngBytes))
	address, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("sent along: %v", r.Header)
		}
		if to := r.URL.Query().Get("to"); to != "" {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		var left int
		if _, _ = fmt.Sscanf(r.URL.Path, "/%d", &left); left > 0 {
			http.Redirect(w, r, fmt.Sprintf("/%d?sig=1", left-1), http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, pngBytes)
	})
	f := newFetcher(t, config.ImageFetch{AllowHosts: []string{"outside.example.test"}}, nil)
	f.resolver = nameServer(func(string) []string { return []string{"127.0.0.1"} })
	outside := strings.Replace(address, "127.0.0.1", "outside.example.test", 1)
	for _, tt := range []struct{ path, want string }{
		{"/0", ""}, {"/5", ""}, {"/6", "it redirects more than 5 times"},
		{"/?to=" + inside, notPublic}, {"/?to=http://inside.example.test/", notPublic}, {"/?to=http://169.254.169.254/latest", notPublic},
		{"/?to=file:///etc/passwd", "only http and https"}, {"/?to=http://u:p@outside.example.test/", "user name or password"},
	} {
		_, err := f.Fetch(t.Context(), outside+tt.path, nil, images...)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.path, err, tt.want)
		}
	}
	if seen.Load() != 0 {
		t.Errorf("%d redirects reached the inside", seen.Load())
	}
}

func TestNameThatChangesItsAddressGainsNothing(t *testing.T) {
	var inside, public atomic.Int64
	count := func(n *atomic.Int64) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { n.Add(1); say(pngBytes)(w, r) }
	}
	address, _ := site(t, count(&inside))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	ln, err := net.Listen("tcp", "127.0.0.2:"+port) // stands in for a public address
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: count(&public)}
	go server.Serve(ln)
	t.Cleanup(func() { _ = server.Close() })

	f := newFetcher(t, config.ImageFetch{AllowNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}, nil)
	var questions atomic.Int64
	f.resolver = nameServer(func(string) []string {
		switch questions.Add(1) % 3 {
		case 0:
			return []string{"127.0.0.1"}
		case 1:
			return []string{"127.0.0.1", "127.0.0.2"}
		}
		return []string{"127.0.0.2"}
	})
	proxied, err := f.Via("socks5://user:p%40ss%3Aword@" + pooltest.Listen(t, pooltest.SOCKSProxy).Addr)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		for j, via := range []*Fetcher{f, proxied} {
			_, _ = via.Fetch(t.Context(), fmt.Sprintf("http://rebind.example.test:%s/%d/%d", port, i, j), nil, images...)
		}
	}
	if inside.Load() != 0 || public.Load() == 0 {
		t.Errorf("%d requests came inside, %d where they may", inside.Load(), public.Load())
	}
}

func TestFetchingThroughAProxy(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	var hosts sync.Map
	serve := func(w http.ResponseWriter, r *http.Request) { hosts.Store(r.Host, r.RemoteAddr); say(pngBytes)(w, r) }
	plain, _ := site(t, serve)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(serve))
	secure.TLS = serverTLS.Clone()
	secure.TLS.NextProtos = nil
	secure.StartTLS()
	t.Cleanup(secure.Close)
	proxies := map[string]*pooltest.Upstream{"http": pooltest.Listen(t, pooltest.HTTPProxy), "https": pooltest.Listen(t, pooltest.OverTLS(serverTLS, pooltest.HTTPProxy)), "socks5": pooltest.Listen(t, pooltest.SOCKSProxy)}

	f := newFetcher(t, allowLoopback(), &tls.Config{RootCAs: roots})
	f.resolver = nameServer(func(string) []string { return []string{"127.0.0.1"} })
	for scheme, proxy := range proxies {
		for _, address := range []string{plain, secure.URL} {
			before := proxy.Accepted.Load()
			via, err := f.Via(scheme + "://user:p%40ss%3Aword@" + proxy.Addr)
			if err != nil {
				t.Fatal(err)
			}
			named := strings.Replace(address, "127.0.0.1", "example.test", 1) + "/" + scheme
			got, err := via.Fetch(t.Context(), named, nil, images...)
			if err != nil || got.MIME != "image/png" {
				t.Errorf("%s by %s: %v, %v", named, scheme, got, err)
			}
			if _, ok := hosts.LoadAndDelete(strings.Split(named, "/")[2]); !ok {
				t.Errorf("%s by %s: another host was asked for", named, scheme)
			}
			if proxy.Accepted.Load() == before {
				t.Errorf("%s by %s: not by the proxy", named, scheme)
			}
		}
	}

	guarded := newFetcher(t, config.ImageFetch{}, nil)
	guarded.resolver = f.resolver
	proxy := proxies["http"]
	before := proxy.Accepted.Load()
	via, err := guarded.Via("http://user:p%40ss%3Aword@" + proxy.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := via.Fetch(t.Context(), "http://example.test/", nil, images...); err == nil || !strings.Contains(err.Error(), notPublic) {
		t.Errorf("by a proxy the inside is refused with %v", err)
	}
	if proxy.Accepted.Load() != before {
		t.Error("the proxy was asked for the inside")
	}
	wrong, err := f.Via("http://user:wrong@" + proxy.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Fetch(t.Context(), plain+"/x", nil, images...); err == nil || !strings.HasSuffix(err.Error(), "the gateway's proxy does not reach it") ||
		!strings.Contains(errors.Unwrap(err).Error(), "407") {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := f.Via("ftp://x"); err == nil {
		t.Error("a proxy URL that is none was taken")
	}
}

func TestFetchEndsWithItsTimeAndWithItsClient(t *testing.T) {
	gone := make(chan struct{}, 2)
	address, _ := site(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		gone <- struct{}{}
	})
	rules := allowLoopback()
	rules.Timeout = 30 * time.Millisecond
	if _, err := newFetcher(t, rules, nil).Fetch(t.Context(), address+"/slow", nil, images...); err == nil || !strings.HasSuffix(err.Error(), "it took longer than 30ms") {
		t.Errorf("timeout: %v", err)
	}
	<-gone

	var call pool.Call
	ctx, release := call.Context()
	time.AfterFunc(20*time.Millisecond, call.Cancel)
	if _, err := newFetcher(t, allowLoopback(), nil).Fetch(ctx, address+"/left", nil, images...); !errors.Is(err, context.Canceled) {
		t.Errorf("client gone: %v", err)
	}
	<-gone
	release()
	if ctx, release := call.Context(); ctx.Err() == nil {
		t.Error("a canceled call gives a living context")
	} else {
		release()
	}
}

func TestSameAddressIsFetchedOnce(t *testing.T) {
	address, seen := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/live" {
			w.Header().Set("Cache-Control", "private, no-store")
		}
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusBadGateway)
		}
		say(pngBytes)(w, r)
	})
	f := newFetcher(t, allowLoopback(), nil)
	via, err := f.Via("")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int64{"/a": 1, "/live": 3, "/broken": 3} {
		seen.Store(0)
		for i, from := range []*Fetcher{f, f, via} {
			_, _ = from.Fetch(t.Context(), fmt.Sprintf("%s%s#%d", address, path, i), nil, images...)
			from.cache.contents.Wait()
		}
		if seen.Load() != want {
			t.Errorf("%s was fetched %d times, want %d", path, seen.Load(), want)
		}
	}
	if _, err := f.Fetch(t.Context(), address+"/a", nil, "application/pdf"); err == nil {
		t.Error("a cached image was given for a PDF")
	}
}

func TestCacheForgetsWhatIsOldAndWhatIsTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, 1<<20)
		third := Content{Base64: strings.Repeat("x", 1<<20/3-10)}
		addresses := []string{"a", "b", "c", "d", "e"}
		for _, address := range addresses {
			c.put(address, third)
		}
		c.put("huge", Content{Base64: strings.Repeat("x", 1<<20)})
		c.contents.Wait()
		kept := 0
		for _, address := range append(addresses, "huge") {
			if _, found := c.get(address); found {
				kept++
			}
		}
		if left := c.contents.RemainingCost(); kept != 3 || left < 0 {
			t.Errorf("%d are kept, and there is room for %d bytes", kept, left)
		}
		time.Sleep(2 * cacheTTL)
		synctest.Wait()
		if left := c.contents.RemainingCost(); left != 1<<20 {
			t.Errorf("at the end %d bytes are kept", 1<<20-left)
		}
	})
}

func TestOtherRulesDoNotGetWhatWasFetchedByEarlierOnes(t *testing.T) {
	address, seen := site(t, say(pngBytes))
	cache := newCache(t, 1<<20)
	for range 2 {
		f := New(allowLoopback(), nil, cache)
		for range 2 {
			if _, err := f.Fetch(t.Context(), address+"/a", nil, images...); err != nil {
				t.Fatal(err)
			}
			cache.contents.Wait()
		}
	}
	if seen.Load() != 2 {
		t.Errorf("it was fetched %d times", seen.Load())
	}
	if _, err := New(config.ImageFetch{}, nil, cache).Fetch(t.Context(), address+"/a", nil, images...); err == nil {
		t.Error("what is not allowed came out of the cache")
	}
}

func FuzzFetchedType(f *testing.F) {
	for _, t := range types {
		f.Add([]byte(t.start + "...." + t.at8))
	}
	f.Add([]byte("\xff\xfb"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if mime := typeOf(head); mime != "" && !typeOfKind(mime, []string{"image/", "audio/", "application/pdf"}) {
			t.Errorf("%q is %s", head, mime)
		}
	})
}

func FuzzShownAddress(f *testing.F) {
	f.Add("https://user:password@host/a@b?secret=1#secret")
	f.Add("https://user:password@host")
	f.Fuzz(func(t *testing.T, address string) {
		shown := shownAddress(address)
		if strings.ContainsAny(shown, "?#") || len(shown) > longestShown+len("…") {
			t.Errorf("%q shows as %q", address, shown)
		}
	})
}

func TestWhatIsFetchedIsKeptOnlyAsFarAsThereIsRoom(t *testing.T) {
	content := pngBytes + strings.Repeat("x", 3<<20)
	for _, announced := range []bool{true, false} {
		address, _ := site(t, func(w http.ResponseWriter, _ *http.Request) {
			if announced {
				w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			}
			_, _ = io.WriteString(w, content)
		})
		f := newFetcher(t, allowLoopback(), nil)
		memory := &pooltest.Memory{Most: 1 << 20}
		if _, err := f.Fetch(t.Context(), address, memory, images...); !errors.Is(err, pooltest.ErrNoRoom) {
			t.Errorf("announced %v: %v", announced, err)
		}
		memory = &pooltest.Memory{Most: 10 << 20}
		got, err := f.Fetch(t.Context(), address, memory, images...)
		if whole, _ := base64.StdEncoding.DecodeString(got.Base64); err != nil || string(whole) != content {
			t.Fatalf("announced %v: %v, %d bytes", announced, err, len(got.Base64))
		}
		if most := len(got.Base64) * 2; memory.Held < len(got.Base64) || memory.Held > most || announced && memory.Held > len(got.Base64)*5/4 {
			t.Errorf("announced %v: %d bytes were held for %d", announced, memory.Held, len(got.Base64))
		}
		memory = &pooltest.Memory{Most: 1 << 20}
		if _, err := f.Fetch(t.Context(), address, memory, images...); !errors.Is(err, pooltest.ErrNoRoom) {
			t.Errorf("out of the cache: %v", err)
		}
	}
}
