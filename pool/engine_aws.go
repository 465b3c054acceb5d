package pool

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"uniapi/config"
)

const awsDomain = ".amazonaws.com"

// bedrock is Amazon's: Claude by InvokeModel, in Anthropic's own format, everything else by Converse. Requests are signed with an access
// key, or carry an API key.
type bedrock struct {
	source      *source
	regions     []awsRegion
	turn        atomic.Uint32
	credentials aws.Credentials
	signer      *v4.Signer
	headers     [][]byte // by key index
	now         func() time.Time
}

type awsRegion struct {
	name   string
	host   string
	target *Target
}

func awsChannel(s *source) (*Channel, error) {
	d := &bedrock{source: s, now: time.Now, signer: v4.NewSigner()}
	if len(s.Keys) == 0 && s.AWSAccessKey == "" {
		return nil, errors.New("Bedrock needs aws_access_key and aws_secret_key, or API keys under api")
	}
	d.credentials = aws.Credentials{AccessKeyID: s.AWSAccessKey, SecretAccessKey: s.AWSSecretKey, SessionToken: s.AWSSessionToken}
	d.headers = perKey(s.Provider, func(key string) []config.Header {
		h := []config.Header{{Name: "Accept", Value: "application/json, application/vnd.amazon.eventstream"}}
		if key != "" {
			h = append(h, config.Header{Name: "Authorization", Value: "Bearer " + key})
		}
		return h
	})
	names := s.Regions
	if len(names) == 0 {
		names = []string{cmp.Or(regionOf(s.base.Hostname()), defaultRegion)}
	}
	for _, name := range names {
		at := *s.base
		if own := regionOf(at.Hostname()); own != "" {
			at.Host = strings.Replace(at.Host, own, name, 1)
		}
		target, err := s.target(&at)
		if err != nil {
			return nil, err
		}
		d.regions = append(d.regions, awsRegion{name, at.Host, target})
	}
	return &Channel{Engine: s.engine, dialect: d}, nil
}

// defaultRegion signs requests to a host whose name tells no region, of a gateway for example.
const defaultRegion = "us-east-1"

// regionOf is the region in an Amazon host's name, "" in another's.
func regionOf(host string) string {
	labels := strings.Split(host, ".")
	if !strings.Contains(host, awsDomain) || len(labels) < 4 {
		return ""
	}
	return labels[1]
}

func (d *bedrock) Format(ask Ask) string {
	if strings.Contains(strings.ToLower(ask.Model), "claude") {
		return "bedrock-invoke"
	}
	return "bedrock-converse"
}

func (d *bedrock) Address(_ *Call, req *Request, ask Ask) (*Target, error) {
	if ask.Endpoint != Chat {
		return nil, ErrNoEndpoint
	}
	region := &d.regions[int(d.turn.Add(1)-1)%len(d.regions)]
	verb := "/converse"
	switch {
	case d.Format(ask) == "bedrock-invoke" && ask.Stream:
		verb = "/invoke-with-response-stream"
	case d.Format(ask) == "bedrock-invoke":
		verb = "/invoke"
	case ask.Stream:
		verb = "/converse-stream"
	}
	req.Method = "POST"
	req.Path = strings.TrimRight(d.source.base.EscapedPath(), "/") + "/model/" + segment(ask.Model) + verb
	req.Header = d.headers[max(ask.Key, 0)]
	if ask.Key >= 0 && len(d.source.Keys) > 0 {
		return region.target, nil
	}
	var err error
	req.Header, err = d.sign(req, region.host, region.name)
	return region.target, err
}

// segment escapes all that has a meaning in a path, as Amazon's signature wants it: an ARN has colons and slashes.
func segment(text string) string {
	return strings.ReplaceAll(url.PathEscape(text), ":", "%3A")
}

// sign returns the request's header lines with the signature. It covers the body and the address, so it is made for each attempt.
func (d *bedrock) sign(req *Request, host, region string) ([]byte, error) {
	sum := sha256.New()
	length := int64(0)
	for _, part := range req.Body {
		sum.Write(part)
		length += int64(len(part))
	}
	path, query, _ := strings.Cut(req.Path, "?")
	signed := &http.Request{
		Method: req.Method, Host: host, ContentLength: length, Header: http.Header{},
		URL: &url.URL{Scheme: "https", Host: host, Opaque: "//" + host + path, RawQuery: query},
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	if err := d.signer.SignHTTP(context.Background(), d.credentials, signed, hash, "bedrock", region, d.now()); err != nil {
		return nil, fmt.Errorf("signing the request with aws_access_key: %w", err)
	}
	lines := append([]byte(nil), req.Header...)
	for name, values := range signed.Header {
		lines = fmt.Appendf(lines, "%s: %s\r\n", name, values[0])
	}
	return lines, nil
}

// Models asks which models are there to be used as they are, without a contract of one's own.
func (d *bedrock) Models(call *Call, limits Deadlines) ([]string, error) {
	region := &d.regions[0]
	host, is := strings.CutPrefix(region.host, "bedrock-runtime.")
	if !is {
		return nil, errNameModels
	}
	host = "bedrock." + host
	target, err := d.source.target(&url.URL{Scheme: "https", Host: host})
	if err != nil {
		return nil, err
	}
	req := &Request{Method: "GET", Path: "/foundation-models?byInferenceType=ON_DEMAND", Header: d.headers[0]}
	if len(d.source.Keys) == 0 {
		if req.Header, err = d.sign(req, host, region.name); err != nil {
			return nil, err
		}
	}
	answer, err := target.Do(call, req, limits)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	body, err := answer.AppendBody(nil, maxModelList)
	if err != nil {
		return nil, err
	}
	var list struct {
		ModelSummaries []struct{ ModelID string }
	}
	if err := json.Unmarshal(body, &list); err != nil || answer.Status != http.StatusOK || len(list.ModelSummaries) == 0 {
		return nil, fmt.Errorf("/foundation-models answered status %d without a list; name the provider's models under model", answer.Status)
	}
	var ids []string
	for _, m := range list.ModelSummaries {
		ids = append(ids, m.ModelID)
	}
	return ids, nil
}
