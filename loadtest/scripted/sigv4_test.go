package scripted

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// sign signs as an AWS client does. That the algorithm is AWS's is what boto3 shows in loadtest/sdk.
func sign(r *http.Request, accessKey, region string, at time.Time) {
	r.Header.Set("X-Amz-Date", at.UTC().Format("20060102T150405Z"))
	scope := at.UTC().Format("20060102") + "/" + region + "/bedrock/aws4_request"
	const names = "host;x-amz-date"
	toSign := stringToSign(r, strings.Split(names, ";"), scope, nil)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/"+scope+", SignedHeaders="+names+
		", Signature="+signature(SecretKey(accessKey), scope, toSign))
}

func TestSignaturesAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(r *http.Request)
		want  string
	}{
		"as signed":         {func(*http.Request) {}, ""},
		"a Bedrock API key": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer key") }, ""},
		"nothing":           {func(r *http.Request) { r.Header.Del("Authorization") }, "Missing Authentication Token"},
		"another path":      {func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/model/other/converse", "" }, "does not match the signature"},
		"a decoded path":    {func(r *http.Request) { r.URL.RawPath = "/model/a:0/converse" }, "does not match the signature"},
		"another key":       {func(r *http.Request) { sign(r, "AKIAOTHER", "us-east-1", time.Now()); spoilKey(r) }, "does not match the signature"},
		"long ago":          {func(r *http.Request) { sign(r, "AKIAMOCK", "us-east-1", time.Now().Add(-time.Hour)) }, "expired"},
		"another service": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/bedrock/", "/s3/", 1))
		}, "service 'bedrock'"},
		"another body's hash": {func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "0") }, "x-amz-content-sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/model/a%3A0/converse", nil)
			sign(r, "AKIAMOCK", "us-east-1", time.Now())
			test.spoil(r)
			err := signed(r, nil)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func spoilKey(r *http.Request) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIAOTHER", "AKIAMOCK", 1))
}
