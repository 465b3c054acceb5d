package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"uniapi/pool"
)

// One exchange: the answer's body comes as it is read, without a goroutine in between.
func ExampleTarget_Do() {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s: %s", r.URL.Path, body)
	}))
	defer upstream.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	target, err := p.Target("http", strings.TrimPrefix(upstream.URL, "http://"), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	var call pool.Call
	request := pool.Request{Method: "POST", Path: "/v1/echo", Body: [][]byte{[]byte("one "), []byte("body")}}
	answer, err := target.Do(&call, &request, pool.Deadlines{FirstByte: time.Minute, Idle: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Close()
	body, err := answer.AppendBody(nil, 1<<20)
	fmt.Printf("%d %s %v\n", answer.Status, body, err)
	// Output: 200 /v1/echo: one body <nil>
}
