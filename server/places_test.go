package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/server/conn"
)

// ungraceful leaves clients their time but no grace: the order alone decides who
// makes room, however slow the machine is.
var ungraceful = func() conn.Times {
	times := conn.UsualTimes
	times.Grace, times.Room = 0, patience
	return times
}()

const healthRequest = "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"

// strangeHead is a request without a key, of which the body is to come.
const strangeHead = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nContent-Length: 200000\r\n\r\n"

// caller is a client's connection, over TLS or not.
type caller struct {
	*client
	w io.Writer
}

func (c caller) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.w, text); err != nil {
		c.t.Fatal(err)
	}
}

// ask sends a request and returns the status of its answer.
func (c caller) ask(text string) int {
	c.t.Helper()
	c.say(text)
	return c.answer().StatusCode
}

// frontDoor is a way to the gateway.
type frontDoor struct {
	name  string
	setUp func(t *testing.T) (Options, *tls.Config)
	hello string // what goes before everything else
}

var fronts = []frontDoor{
	{name: "plain", setUp: func(*testing.T) (Options, *tls.Config) { return Options{}, nil }},
	{name: "behind PROXY", hello: "PROXY TCP4 198.51.100.7 192.0.2.80 4711 80\r\n", setUp: func(t *testing.T) (Options, *tls.Config) {
		return Options{TrustedProxies: loopback(t), ProxyProtocol: true}, nil
	}},
	{name: "TLS", setUp: func(t *testing.T) (Options, *tls.Config) {
		files := newAuthority(t)
		trust := files.issue(t, 1)
		return Options{TLSCert: files.cert, TLSKey: files.key}, trust
	}},
}

// call connects, and shakes hands if need be.
func (f frontDoor) call(g *gateway, trust *tls.Config) caller {
	g.t.Helper()
	c := g.dial()
	c.send(f.hello)
	if trust == nil {
		return caller{c, c.TCPConn}
	}
	secure := tls.Client(c.TCPConn, trust)
	if err := secure.Handshake(); err != nil {
		g.t.Fatal(err)
	}
	c.br = bufio.NewReader(secure)
	return caller{c, secure}
}

// What a stranger does on a connection, after which it waits for its end. Those
// below the handshake, or the PROXY header, get the bare connection.
var strangeManners = []struct {
	name  string
	below bool
	do    func(c caller)
}{
	{"say nothing", true, func(caller) {}},
	{"begin a handshake, a header or a head", true, func(c caller) { c.say("\x16\x03\x01\x00") }},
	{"begin a PROXY header or a head", true, func(c caller) { c.say("PROXY TCP4 ") }},
	{"say nothing after the handshake", false, func(caller) {}},
	{"ask for the health", false, func(c caller) { c.ask(healthRequest) }},
	{"ask for the health twice at once", false, func(c caller) { c.ask(healthRequest + healthRequest); c.answer() }},
	{"begin a head", false, func(c caller) { c.say("POST /v1/cha") }},
	{"begin a second head", false, func(c caller) { c.ask(healthRequest); c.say("POST /v1/cha") }},
	{"announce a body", false, func(c caller) { c.say(strangeHead) }},
	{"send a part of a body", false, func(c caller) { c.say(strangeHead + strings.Repeat("a", 100_000)) }},
	{"send a part of a body in chunks", false, func(c caller) {
		c.say(strings.Replace(strangeHead, "Content-Length: 200000", "Transfer-Encoding: chunked", 1) + "fffff\r\na")
	}},
	{"wait to be told to send", false, func(c caller) {
		c.say(strings.Replace(strangeHead, "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1))
	}},
	{"show a wrong key", false, func(c caller) { c.ask(strings.Replace(chatText(plainRequest), clientKeyText, "sk-wrong", 1)) }},
	{"send what is no request", false, func(c caller) { c.say("A B C D\r\n") }},
	{"take no answer", false, nil},
}

// behave goes on until the connection has ended.
func (c caller) behave(do func(caller), ended func()) {
	if do != nil {
		do(c)
		go func() {
			defer ended()
			io.Copy(io.Discard, c.TCPConn)
		}()
		return
	}
	go func() {
		defer ended()
		_ = c.SetReadBuffer(4 << 10) // or the kernel takes megabytes of answers before anybody waits
		_ = c.SetWriteBuffer(4 << 10)
		many := strings.Repeat("GET /dashboard/ HTTP/1.1\r\nHost: gateway\r\n\r\n", 200)
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c.w, many)
		}
	}()
}

// Connections without a key never are more than their share, whatever they do, and
// keep out neither whoever has a key nor an honest stranger.
func TestStrangersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	const most, share, crowd = 16, 4, 24
	for _, f := range fronts {
		for _, manner := range strangeManners {
			t.Run(f.name+": "+manner.name, func(t *testing.T) {
				t.Parallel()
				options, trust := f.setUp(t)
				options.MaxConnections, options.readTimes = most, &ungraceful
				g := startWith(t, options, providerOf("p", listen(t, both)))
				friend := f.call(g, trust)
				if status := friend.ask(chatText(plainRequest)); status != 200 {
					t.Fatalf("before the strangers: %d", status)
				}
				var gone atomic.Int32
				for range crowd {
					var c caller
					if manner.below {
						bare := g.dial()
						c = caller{bare, bare.TCPConn}
					} else {
						c = f.call(g, trust)
					}
					c.behave(manner.do, func() { gone.Add(1) })
					g.checkPlaces(most, share)
				}
				for range share { // each load balancer asks on a connection of its own
					if status := f.call(g, trust).ask(healthRequest); status != 200 {
						t.Errorf("an honest stranger: %d", status)
					}
				}
				for _, c := range []caller{f.call(g, trust), friend} {
					if status := c.ask(chatText(plainRequest)); status != 200 {
						t.Errorf("with a key: %d", status)
					}
				}
				eventually(t, "all strangers but their share are gone", func() bool { return gone.Load() >= crowd-share })
				g.checkPlaces(most, share)
				if n := g.budget.Highest(); n != 0 {
					t.Errorf("%d bytes were held", n)
				}
				if n := g.unconnected.total.Load(); n != 0 {
					t.Errorf("%d connections were refused", n)
				}
			})
		}
	}
}

// checkPlaces compares what is taken with what may be.
func (g *gateway) checkPlaces(most, strangers int) {
	g.t.Helper()
	n := g.conns.Count()
	if n.Open > most || n.Strangers > strangers || n.Strangers > n.Open || n.Leaving < 0 || n.Waiting < 0 {
		g.t.Errorf("%+v", n)
	}
}

func TestStrangerThatStoodStillForLongestGoes(t *testing.T) {
	g := startWith(t, Options{MaxConnections: 12, readTimes: &ungraceful}, providerOf("p", listen(t, both)))
	there := 0
	ask := func(c *client) {
		c.send(healthRequest)
		c.answer()
		g.idle(there)
	}
	var clients []*client
	for there = 1; there <= 3; there++ { // which is how many may be there
		clients = append(clients, g.dial())
		ask(clients[there-1])
	}
	there = 3
	probe, first, second := clients[0], clients[1], clients[2]
	ask(probe) // as a load balancer does every second
	ask(g.dial())
	if rest := first.rest(); rest != "" {
		t.Errorf("the oldest got %q", rest)
	}
	ask(probe)
	ask(second)
	if n := g.conns.Count().StrangersSent; n != 1 {
		t.Errorf("%d were sent away", n)
	}
	if n := g.scrape().Total("uniapi_client_connections_evicted_total", "owner", "stranger"); n < 1 || n > 2 { // to make room for the scrape
		t.Errorf("%v are counted", n)
	}
}

// Each byte of a head or a body that drips is no reason to stay.
func TestStrangerThatDripsStandsStill(t *testing.T) {
	g := startWith(t, Options{MaxConnections: 8, readTimes: &ungraceful}, providerOf("p", listen(t, both)))
	head, body := g.dial(), g.dial()
	head.send("POST /")
	body.send(strangeHead + strings.Repeat("a", 2*prefetched))
	body.head() // and its rest is to be thrown away
	var before map[*conn.Conn]int64
	same := 0
	eventually(t, "they stand still for ten bytes more", func() bool {
		head.send("x")
		body.send("x")
		eventually(t, "both wait", func() bool { return len(g.still()) == 2 })
		now := g.still()
		if same++; !maps.Equal(now, before) {
			before, same = now, 0 // the write of the answer was waited for
		}
		return same == 10
	})
}

// still is since when each stranger has waited that does.
func (g *gateway) still() map[*conn.Conn]int64 {
	all := map[*conn.Conn]int64{}
	for _, c := range g.conns.All() {
		if still := c.Still(); still != 0 && c.Owner() == nil {
			all[c] = still
		}
	}
	return all
}

func TestWhoeverHasShownAKeyIsNoStranger(t *testing.T) {
	goOn := make(chan bool)
	g := startWith(t, Options{MaxConnections: 12, readTimes: &ungraceful}, providerOf("p", listen(t, waiting(goOn))))
	balancers := g.dial() // which carries others' requests, too
	balancers.post(plainRequest)
	balancers.answer()
	balancers.send(healthRequest)
	balancers.answer()
	balancers.send(strings.Replace(chatText(plainRequest), clientKeyText, "sk-wrong", 1))
	balancers.answer().failure(t, 401, "invalid_api_key")
	streaming := g.dial()
	streaming.post(streamRequest)
	body := streaming.head().Body
	one := make([]byte, len(event("one")))
	if _, err := io.ReadFull(body, one); err != nil {
		t.Fatal(err)
	}
	lists := g.dial() // a key that asks for no answer
	lists.send("GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + clientKeyText + "\r\n\r\n")
	lists.answer()
	sending := g.dial() // in the middle of a body
	text := chatText(bigRequest(100_000))
	sending.send(text[:50_000])
	eventually(t, "all are known", func() bool { return g.conns.Count().Strangers == 0 })
	for range 20 {
		g.dial().send(healthRequest)
	}
	close(goOn)
	if rest, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(rest), doneEvent) {
		t.Errorf("the stream went on with %q, %v", rest, err)
	}
	sending.send(text[50_000:])
	sending.answer()
	for _, c := range []*client{balancers, streaming, lists, sending} {
		c.post(plainRequest)
		if a := c.answer(); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
}

func TestCrowdWithKeysIsServedThoughItComesAtOnce(t *testing.T) {
	const crowd = 100
	times := conn.UsualTimes
	times.Grace, times.Room = patience, patience
	g := startWith(t, Options{MaxConnections: crowd, readTimes: &times}, providerOf("p", listen(t, both)))
	var all sync.WaitGroup
	for range crowd {
		all.Go(func() {
			c, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, chatText(plainRequest))
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
				t.Error(resp, err)
			}
		})
	}
	all.Wait()
	if n := g.conns.Count().StrangersSent + g.unconnected.total.Load(); n != 0 {
		t.Errorf("%d were sent away or refused", n)
	}
}

// Far more connections than places, and hardly any time between two requests: each
// client asks again if its connection was closed before any of the answer came, as
// load balancers do, and in the end all are served.
func TestNoAnswerIsCutByThoseWhoMakeRoom(t *testing.T) {
	t.Parallel()
	const most, visitors, requests = 8, 24, 30
	g := startWith(t, Options{MaxConnections: most, readTimes: &ungraceful}, providerOf("p", listen(t, both)), twoKeys)
	var all sync.WaitGroup
	for n := range visitors {
		all.Go(func() {
			request := chatText(plainRequest)
			if n%2 == 0 {
				request = strings.Replace(request, clientKeyText, otherKeyText, 1)
			}
			if n%5 == 0 {
				request = healthRequest
			}
			v := &returning{t: t, addr: g.addr}
			defer v.hangUp()
			for range requests {
				v.insist(request)
			}
		})
	}
	all.Wait()
	eventually(t, "nobody is left", func() bool { return g.conns.Count().Open == 0 })
	g.checkPlaces(most, 2)
	if g.conns.Count().IdleSent == 0 {
		t.Error("nobody made room")
	}
}

// returning is a client that connects anew where it was not answered.
type returning struct {
	t    *testing.T
	addr string
	conn net.Conn
	br   *bufio.Reader
}

func (v *returning) hangUp() {
	if v.conn != nil {
		v.conn.Close()
		v.conn = nil
	}
}

// insist asks until it is answered with 200.
func (v *returning) insist(request string) {
	for end := time.Now().Add(2 * patience); time.Now().Before(end); {
		status, err := v.once(request)
		if err != nil {
			v.t.Error(err)
		}
		if status == 200 {
			return
		}
		v.hangUp()
	}
	v.t.Error("never served")
}

// once asks; the error is that of an answer which was cut.
func (v *returning) once(request string) (int, error) {
	if v.conn == nil {
		c, err := net.Dial("tcp", v.addr)
		if err != nil {
			return 0, err
		}
		c.SetDeadline(time.Now().Add(2 * patience))
		v.conn, v.br = c, bufio.NewReader(c)
	}
	if _, err := io.WriteString(v.conn, request); err != nil {
		return 0, nil
	}
	if _, err := v.br.Peek(1); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		return 0, nil
	}
	resp, err := http.ReadResponse(v.br, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.ReadAll(resp.Body)
	if resp.Close {
		v.hangUp()
	}
	return resp.StatusCode, err
}
