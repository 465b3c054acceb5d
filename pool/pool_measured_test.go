//go:build !race

package pool

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"uniapi/pool/pooltest"
)

func TestWarmExchangeAllocatesNothing(t *testing.T) {
	for name, answer := range map[string][]byte{"plain": []byte(pooltest.OKAnswer), "a stream": stream(50, event)} {
		t.Run(name, func(t *testing.T) {
			tg := direct(t, cheapUpstream(t, post.bodyLen(), answer))
			var call Call
			exchange := func() {
				call.Reset()
				resp, err := tg.Do(&call, post, patient)
				if err != nil {
					t.Fatal(err)
				}
				for err == nil {
					_, err = resp.Next()
				}
				resp.Close()
			}
			exchange()
			if n := testing.AllocsPerRun(100, exchange); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// What waits for its upstream, a stream for its next event or a connection for its next request, holds no buffers.
func TestWhatWaitsHoldsNoBuffer(t *testing.T) {
	const streams = 200
	for _, tt := range []struct {
		scheme string
		most   int // bytes of a stream, at both its ends: an upstream's reader, and TLS, have buffers of their own
	}{{"http", 10 << 10}, {"https", 24 << 10}} {
		t.Run(tt.scheme, func(t *testing.T) {
			goOn := make(chan bool)
			serve := func(p *pooltest.Peer) {
				if _, _, ok := p.Request(); ok {
					p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n")
					<-goOn
					p.Say("0\r\n\r\n")
					p.Request() // there is none
				}
			}
			o := Options{MaxIdlePerTarget: streams}
			if tt.scheme == "https" {
				roots, serverTLS := pooltest.Authority(t)
				serve, o.TLS = pooltest.OverTLS(serverTLS, serve), pooltest.ClientTLS(roots)
			}
			u := pooltest.Listen(t, serve)
			tg := target(t, newPool(t, o), tt.scheme, u.Addr, "")
			before := heap()
			var open sync.WaitGroup
			for range streams {
				resp, err := tg.Do(new(Call), post, patient)
				if err != nil {
					t.Fatal(err)
				}
				if event, err := resp.Next(); string(event) != "event" || err != nil {
					t.Fatalf("%q, %v", event, err)
				}
				open.Go(func() {
					if more, err := resp.Next(); len(more) > 0 || err != io.EOF {
						t.Errorf("%q, %v", more, err)
					}
					resp.Close()
				})
			}
			pooltest.Eventually(t, "open streams hold little", func() bool { return (heap()-before)/streams <= tt.most })
			close(goOn)
			open.Wait()
			pooltest.Eventually(t, "idle connections hold little", func() bool {
				return tg.pool.Stats().Idle == streams && (heap()-before)/streams <= tt.most
			})
		})
	}
}

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what pools keep lives for two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// What undoing the compression takes is there to be asked for before it is taken, and is no less than that.
func TestInflatingSaysWhatItTakes(t *testing.T) {
	for _, tt := range codings {
		t.Run(tt.name, func(t *testing.T) {
			var packed bytes.Buffer
			w := tt.writer(&packed)
			random := rand.New(rand.NewPCG(1, 2))
			for range 200_000 { // tables for what hardly can be packed
				w.Write([]byte{byte(random.IntN(256)), byte(random.IntN(4)), 'x'})
			}
			w.Close()
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				p.Request()
				p.Say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", tt.coding, packed.Len(), packed.Bytes()))
				p.HangUp()
			})
			var call Call
			resp, err := direct(t, u).Do(&call, post, patient)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Close()
			said := resp.Inflating()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range 20 {
				if _, err := resp.Next(); err != nil {
					t.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if live := int(after.HeapAlloc) - int(before.HeapAlloc); live > said+16<<10 {
				t.Errorf("%d bytes are live, %d were said", live, said)
			}
		})
	}
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		p.Request()
		p.Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		p.HangUp()
	})
	var call Call
	resp, err := direct(t, u).Do(&call, post, patient)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if n := resp.Inflating(); n != 0 {
		t.Errorf("a plain answer takes %d", n)
	}
}
