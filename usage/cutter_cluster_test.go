//go:build cluster

package usage

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// cutter is between a client and PostgreSQL. It cuts a connection when a COMMIT has been answered, and keeps the
// answer.
type cutter struct {
	address string
	next    atomic.Bool // cut the next one
	cuts    atomic.Int64
}

func newCutter(t testing.TB, port string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cutter{address: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.between(client, port)
		}
	}()
	return c
}

func (c *cutter) between(client net.Conn, port string) {
	defer client.Close()
	server, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool
	answered := make(chan struct{}, 1)
	go func() {
		defer client.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if mute.Load() {
				answered <- struct{}{}
				return
			}
			client.Write(buffer[:n])
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		commits := bytes.Contains(buffer[:n], []byte("commit\x00")) && c.next.CompareAndSwap(true, false)
		if commits {
			mute.Store(true)
		}
		server.Write(buffer[:n])
		if commits {
			select {
			case <-answered:
			case <-time.After(5 * time.Second):
			}
			c.cuts.Add(1)
			return
		}
	}
}
