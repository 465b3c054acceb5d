package server

import (
	"net"
	"strings"
	"testing"
)

func TestSeveralProcessesMayShareAnAddress(t *testing.T) {
	first, err := Listen("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer first[0].Close()
	second, err := Listen(first[0].Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	second[0].Close()
	if _, err := Listen(first[0].Addr().String(), false); err == nil || !strings.Contains(err.Error(), first[0].Addr().String()) {
		t.Errorf("without being asked: %v", err)
	}
}

func TestOneServerServesSeveralListeners(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	more, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- g.Serve(more[0]) }()
	for _, addr := range []string{g.addr, more[0].Addr().String()} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		one := newClient(t, c)
		one.post(plainRequest, "Connection", "close")
		if a := one.answer(); a.StatusCode != 200 {
			t.Errorf("%s: %d", addr, a.StatusCode)
		}
	}
	if err := receive(t, g.shutDown(t.Context()), "the end"); err != nil {
		t.Error(err)
	}
	if err := receive(t, over, "the end of Serve"); err != nil {
		t.Error(err)
	}
}

func TestListenerThatComesAfterTheEndIsClosed(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	if err := receive(t, g.shutDown(t.Context()), "the end"); err != nil {
		t.Error(err)
	}
	late, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Serve(late[0]); err != nil {
		t.Error(err)
	}
}
