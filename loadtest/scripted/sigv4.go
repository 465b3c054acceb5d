package scripted

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// SecretKey is the AWS secret key that belongs to an access key here. It follows from it, so that nothing needs to be
// stored.
func SecretKey(accessKey string) string { return letters("secret of "+accessKey, 40) }

// maxSkew is how far from now AWS lets a request be signed.
const maxSkew = 5 * time.Minute

// signed checks a request's AWS Signature Version 4, or that it has a Bedrock API key.
func signed(r *http.Request, body []byte) error {
	deny := func(format string, args ...any) error {
		return &refusal{kind: unauthorized, message: fmt.Sprintf(format, args...)}
	}
	authorization := r.Header.Get("Authorization")
	if strings.HasPrefix(authorization, "Bearer ") {
		return nil
	}
	rest, ok := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256 ")
	if !ok {
		return deny("Missing Authentication Token")
	}
	members := map[string]string{}
	for member := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		members[name] = value
	}
	scope := strings.Split(members["Credential"], "/")
	if len(scope) != 5 || scope[3] != "bedrock" || scope[4] != "aws4_request" {
		return deny("Credential should be scoped to a valid region and to service 'bedrock', not %q", members["Credential"])
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || !strings.HasPrefix(date, scope[1]) || time.Since(at).Abs() > maxSkew {
		return deny("Signature expired or not yet current: X-Amz-Date %q, scope %q", date, scope[1])
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" && said != payload {
		return deny("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	names := strings.Split(members["SignedHeaders"], ";")
	if !slices.Contains(names, "host") || !slices.Contains(names, "x-amz-date") {
		return deny("'Host' and 'X-Amz-Date' must be signed headers")
	}
	toSign := stringToSign(r, names, strings.Join(scope[1:], "/"), body)
	if !hmac.Equal([]byte(signature(SecretKey(scope[0]), strings.Join(scope[1:], "/"), toSign)), []byte(members["Signature"])) {
		return deny("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	return nil
}

// stringToSign is what a request with these signed headers has the signature of.
func stringToSign(r *http.Request, names []string, scope string, body []byte) string {
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, escapeAgain(r.URL.EscapedPath()), sortedQuery(r.URL.Query()))
	for _, name := range names {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&canonical, "%s:%s\n", name, strings.Join(strings.Fields(value), " "))
	}
	fmt.Fprintf(&canonical, "\n%s\n%x", strings.Join(names, ";"), sha256.Sum256(body))
	return fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", r.Header.Get("X-Amz-Date"), scope, sha256.Sum256([]byte(canonical.String())))
}

func signature(secret, scope, toSign string) string {
	key := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), toSign) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// escapeAgain escapes a path that is escaped already, as AWS wants it for all services but S3.
func escapeAgain(path string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/"
	var out strings.Builder
	for _, c := range []byte(path) {
		if strings.IndexByte(plain, c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

func sortedQuery(query url.Values) string {
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}
