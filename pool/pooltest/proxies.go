package pooltest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// httpProxy serves CONNECT and absolute-form requests to those who know the password.
func HTTPProxy(p *Peer) {
	for {
		req, err := http.ReadRequest(p.Reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		login := &http.Request{Header: http.Header{"Authorization": req.Header["Proxy-Authorization"]}}
		if user, password, _ := login.BasicAuth(); user != "user" || password != "p@ss:word" {
			p.Say("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return
		}
		if req.Method != http.MethodConnect {
			body := fmt.Sprintf("forwarded %s for %s", req.RequestURI, req.Host)
			p.Say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
			continue
		}
		up, err := net.Dial("tcp", req.RequestURI)
		if err != nil {
			p.Say("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return
		}
		p.Say("HTTP/1.1 200 Connection established\r\n\r\n")
		p.relay(up)
		return
	}
}

// relay copies both ways until either side is done.
func (p *Peer) relay(up net.Conn) {
	go func() {
		_, _ = io.Copy(up, p.Reader)
		_ = up.Close()
	}()
	_, _ = io.Copy(p.Conn, up)
	_ = up.Close()
}

// socksProxy serves SOCKS5 CONNECT to those who know the password; it resolves the name example.test to 127.0.0.1.
func SOCKSProxy(p *Peer) {
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(p.Reader, b)
		return b
	}
	methods := read(int(read(2)[1]))
	if !strings.Contains(string(methods), "\x02") {
		p.Say("\x05\xff")
		return
	}
	p.Say("\x05\x02")
	user := read(int(read(2)[1]))
	password := read(int(read(1)[0]))
	if string(user) != "user" || string(password) != "p@ss:word" {
		p.Say("\x01\x01")
		return
	}
	p.Say("\x01\x00")
	var host string
	switch read(4)[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		if host = string(read(int(read(1)[0]))); host == "example.test" {
			host = "127.0.0.1"
		}
	}
	up, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(read(2)))))
	if err != nil {
		p.Say("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
		return
	}
	p.Say("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
	p.relay(up)
}
