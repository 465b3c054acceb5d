package server

import (
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unaccepting is an address whose connections are never set up: the kernel
// drops what does not fit into its full queue.
func unaccepting(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 50*time.Millisecond)
		if err != nil {
			return addr // full
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue does not fill up")
	return ""
}

func TestClientThatLeavesEndsTheConnecting(t *testing.T) {
	g := start(t, providerOf("p", &upstream{addr: unaccepting(t)}))
	c := g.dial()
	c.post(plainRequest)
	eventually(t, "the gateway connects", func() bool { return g.pool.Stats().Dials == 1 })
	watch := startWatch()
	c.Close()
	checkGone(t, g, 1)
	watch.check(t, "the end of the connecting", time.Now())
}
