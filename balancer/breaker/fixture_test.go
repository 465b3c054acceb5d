package breaker

import "sync"

// begin puts something to rest for all.
func (b *Breaker) begin(p *Pause) {
	p.Sure = true
	b.Failed(p, nil, 0)
}

// concurrently runs f in n goroutines that begin together, and waits for them.
func concurrently(n int, f func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	group.Wait()
}
