package provider

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
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"uniapi/config"
	"uniapi/pool"
)

const awsDomain = ".amazonaws.com"

// bedrock is Amazon's: Claude by InvokeModel, in Anthropic's own format, everything else by Converse. Requests are
// signed with an access key, or carry an API key.
type bedrock struct {
	source      *source
	regions     []awsRegion
	turn        atomic.Uint32
	credentials aws.Credentials
	signer      *v4.Signer
	whole       [][]byte // header lines by key index, of requests for a whole answer
	events      [][]byte // and of those for a stream
	now         func() time.Time
}

type awsRegion struct {
	name   string
	host   string
	target *pool.Target
}

func awsChannel(s *source) (*Channel, error) {
	d := &bedrock{source: s, now: time.Now, signer: v4.NewSigner()}
	if len(s.Keys) == 0 && s.AWSAccessKey == "" {
		return nil, errors.New("a Bedrock provider needs aws_access_key and aws_secret_key, or API keys under api")
	}
	d.credentials = aws.Credentials{AccessKeyID: s.AWSAccessKey, SecretAccessKey: s.AWSSecretKey, SessionToken: s.AWSSessionToken}
	accepting := func(kind string) [][]byte {
		return perKey(s.Provider, func(key string) []config.Header {
			h := []config.Header{{Name: "Accept", Value: kind}}
			if key != "" {
				h = append(h, config.Header{Name: "Authorization", Value: "Bearer " + key})
			}
			return h
		})
	}
	d.whole, d.events = accepting("application/json"), accepting("application/vnd.amazon.eventstream")
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

// regionOf is the region in an Amazon host's name, "" in another's. It follows the service's name, which a private
// endpoint has in front of.
func regionOf(host string) string {
	_, rest, is := strings.Cut("."+host, ".bedrock")
	_, rest, _ = strings.Cut(rest, ".")
	region, rest, _ := strings.Cut(rest, ".")
	if !is || !strings.Contains("."+rest, awsDomain) {
		return ""
	}
	return region
}

func (d *bedrock) Format(ask Ask) string {
	if strings.Contains(strings.ToLower(ask.Model), "claude") {
		return "bedrock-invoke"
	}
	return "bedrock-converse"
}

func (d *bedrock) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	if ask.Endpoint != Chat {
		return nil, ErrNoEndpoint
	}
	region := &d.regions[int(d.turn.Add(1)-1)%len(d.regions)]
	invoke := d.Format(ask) == "bedrock-invoke"
	verb, headers := "/converse", d.whole
	switch {
	case invoke && ask.Stream:
		verb, headers = "/invoke-with-response-stream", d.events
	case invoke:
		verb = "/invoke"
	case ask.Stream:
		verb, headers = "/converse-stream", d.events
	}
	req.Method = "POST"
	req.Path = strings.TrimRight(d.source.base.EscapedPath(), "/") + "/model/" + segment(ask.Model) + verb
	req.Header = headers[max(ask.Key, 0)]
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

// sign returns the request's header lines with the signature. It covers the body and the address, so it is made for
// each attempt.
func (d *bedrock) sign(req *pool.Request, host, region string) ([]byte, error) {
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

// bedrockLists name what can be asked for without a contract of one's own: models that answer in words, and the
// profiles by which the newer ones are reached only.
var bedrockLists = [...]string{
	"/foundation-models?byInferenceType=ON_DEMAND&byOutputModality=TEXT",
	"/inference-profiles?maxResults=1000&type=SYSTEM_DEFINED",
}

// models asks the region's control plane. A key may be allowed to read one of the lists only: then that is what it has.
func (d *bedrock) models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error) {
	region := &d.regions[0]
	domain, is := strings.CutPrefix(region.host, "bedrock-runtime.")
	if !is {
		return nil, errNameModels
	}
	host := "bedrock." + domain
	target, err := d.source.target(&url.URL{Scheme: d.source.base.Scheme, Host: host})
	if err != nil {
		return nil, err
	}
	var ids []string
	var failure error
	for _, path := range bedrockLists {
		req := &pool.Request{Method: "GET", Path: path, Header: d.whole[key], Alone: true}
		if len(d.source.Keys) == 0 {
			if req.Header, err = d.sign(req, host, region.name); err != nil {
				return nil, err
			}
		}
		some, err := fetchBedrockModels(call, target, req, limits)
		if err != nil {
			failure = err
		}
		ids = append(ids, some...)
	}
	if len(ids) == 0 {
		return nil, failure
	}
	return ids, nil
}

func fetchBedrockModels(call *pool.Call, target *pool.Target, req *pool.Request, limits pool.Deadlines) ([]string, error) {
	answer, err := target.Do(call, req, limits)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	body, err := answer.AppendBody(nil, maxModelList)
	if err != nil {
		return nil, err
	}
	ids := bedrockModelIDs(body)
	if answer.Status != http.StatusOK || len(ids) == 0 {
		return nil, fmt.Errorf("%s answered status %w without a list; name the provider's models under model", ShownAddress(target, req.Path), listStatus(answer.Status))
	}
	return ids, nil
}

// bedrockModelIDs reads a list of models or of profiles; nil if it is neither.
func bedrockModelIDs(body []byte) (ids []string) {
	var list struct {
		ModelSummaries            entries[struct{ ModelID string }]
		InferenceProfileSummaries entries[struct{ InferenceProfileID string }]
	}
	if json.Unmarshal(body, &list) != nil {
		return nil
	}
	for _, m := range list.ModelSummaries {
		ids = append(ids, m.ModelID)
	}
	for _, p := range list.InferenceProfileSummaries {
		ids = append(ids, p.InferenceProfileID)
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}
