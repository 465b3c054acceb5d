package server

import (
	"testing"

	"github.com/valyala/fasthttp"

	"uniapi/config"
)

func TestPassedHeadersTakeThePlaceOfPreparedOnes(t *testing.T) {
	const prepared = "User-Agent: uni-api\r\nAuthorization: Bearer up\r\n"
	for _, test := range []struct {
		name  string
		names []string
		want  string
	}{
		{"none is named", nil, prepared},
		{"one that the client sent", []string{"x-team"}, prepared + "x-team: red\r\n"},
		{"one that the client did not send", []string{"x-other"}, prepared},
		{"one that is prepared", []string{"user-agent"}, "Authorization: Bearer up\r\nuser-agent: curl\r\n"},
		{"the client's key is not passed", []string{"Authorization", "x-api-key", "Cookie"}, prepared},
		{"nor what belongs to the connection", []string{"Connection", "Host", "Content-Length"}, prepared},
	} {
		t.Run(test.name, func(t *testing.T) {
			var h fasthttp.RequestHeader
			for name, value := range map[string]string{
				"X-Team": "red", "User-Agent": "curl", "Authorization": "Bearer client", "X-Api-Key": "client", "Cookie": "a=b",
				"Connection": "close", "Host": "here",
			} {
				h.Set(name, value)
			}
			p := &config.Provider{Preferences: config.ProviderPreferences{PassthroughHeaders: test.names}}
			if got := string(passHeaders(nil, []byte(prepared), &h, p)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
