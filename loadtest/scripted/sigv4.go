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

// SecretKey is the AWS secret key that belongs to an access key here. It follows from it, so that nothing needs to be stored.
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
	fmt.Fprintf(&canonical, "\n%s\n%s", members["SignedHeaders"], payload)
	sum = sha256.Sum256([]byte(canonical.String()))
	toSign := "AWS4-HMAC-SHA256\n" + date + "\n" + strings.Join(scope[1:], "/") + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + SecretKey(scope[0]))
	for _, part := range append(scope[1:], toSign) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(key)), []byte(members["Signature"])) {
		return deny("The request signature we calculated does not match the signature you provided. The Canonical String for this request should have been\n'%s'", &canonical)
	}
	return nil
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
