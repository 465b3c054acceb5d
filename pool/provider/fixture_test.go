package provider

import (
	"errors"
	"testing"
	"time"
	"uniapi/pool"
)

// openPool is a pool that ends with the test.
func openPool(t testing.TB) *pool.Pool {
	p := pool.New(pool.Options{})
	t.Cleanup(p.Close)
	return p
}

// unhurried are the deadlines of an exchange that is to succeed.
var unhurried = pool.Deadlines{FirstByte: 10 * time.Second, Idle: 10 * time.Second}

// dialFailed says whether an error is of a connection that could not be made.
func dialFailed(err error) bool {
	e, ok := errors.AsType[*pool.Error](err)
	return ok && e.Kind == pool.Dial
}

// exchanged says whether a request is answered to its end.
func exchanged(to *pool.Target, req *pool.Request) error {
	answer, err := to.Do(new(pool.Call), req, unhurried)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = answer.AppendBody(nil, 0)
	return err
}
