package conn

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// queued is how many connections the kernel has for a listener.
func queued(t *testing.T, ln *net.TCPListener) (n uint32) {
	t.Helper()
	raw, err := ln.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		info, failed := unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO)
		if err = failed; err == nil {
			n = info.Unacked // of a listening socket: those in its queue
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What the kernel has taken is handed over, however late the process gets to it.
func TestListenerThatStopsHandsOverItsWholeQueue(t *testing.T) {
	const crowd = 100
	g := newGroup(t, 8*crowd, &UsualTimes)
	for _, late := range []bool{false, true} {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := g.Listen(tcp.(*net.TCPListener))
		for range crowd {
			c, err := net.Dial("tcp", tcp.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		eventually(t, "the kernel has them all", func() bool { return queued(t, l.TCPListener) == crowd })
		l.stop()
		stopped := time.Now()
		if late {
			eventually(t, "its time is over", func() bool { return time.Since(stopped) > 2*queueGap })
		}
		taken := 0
		for {
			c, err := l.Accept()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			taken++
			c.Close()
		}
		if taken != crowd || !l.ended.Load() {
			t.Errorf("late %v: %d of %d were handed over, ended %v", late, taken, crowd, l.ended.Load())
		}
	}
}
