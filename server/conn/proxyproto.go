package conn

import (
	"bufio"
	"io"
	"net"

	"github.com/pires/go-proxyproto"
)

// announcementBuffer holds a PROXY header without long extensions, and whatever
// of the request came with it.
const announcementBuffer = 256

// timedReader reads from a connection below its PROXY header.
type timedReader struct{ conn *Conn }

func (r timedReader) Read(p []byte) (int, error) { return r.conn.pace.read(r.conn.Conn, p) }

// readAnnouncement reads the PROXY header, version 1 or 2, with which a load
// balancer announces whom it speaks for. One that is expected and does not come
// ends the connection: by the protocol's rule, a receiver never guesses.
func (c *Conn) readAnnouncement() error {
	c.ahead = bufio.NewReaderSize(timedReader{c}, announcementBuffer)
	header, err := proxyproto.Read(c.ahead)
	if err != nil {
		c.log.Warn("a trusted proxy sent no valid PROXY header; is it told to send one?", "proxy", c.RemoteAddr().String(), "error", err)
		return io.EOF
	}
	c.announced = false
	// A proxy that speaks for itself, as for health checks, names nobody.
	if from, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
		c.source = from.AddrPort().Addr().Unmap()
	}
	return nil
}
