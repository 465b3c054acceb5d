package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Signal is what is sent: what it is called, also in the variables, and the end of its usual address.
type Signal struct{ Name, Word, Path string }

// The signals that there are here.
var (
	Traces  = Signal{"traces", "TRACES", "/v1/traces"}
	Metrics = Signal{"metrics", "METRICS", "/v1/metrics"}
)

const (
	usualEndpoint = "http://localhost:4318"
	usualTimeout  = 10 * time.Second
)

// settings are how a signal is sent.
type settings struct {
	url     string
	header  http.Header
	gzip    bool
	timeout time.Duration // of one request
	tls     *tls.Config   // nil is the usual
}

// read reads the variables of a signal. One that is for this signal alone goes before that for all. What can be done
// without is told by err and left out; what cannot by fatal.
func read(getenv func(string) string, signal Signal) (s settings, err, fatal error) {
	get := func(name string) (variable, value string) {
		for _, variable = range []string{"OTEL_EXPORTER_OTLP_" + signal.Word + "_" + name, "OTEL_EXPORTER_OTLP_" + name} {
			if value = strings.TrimSpace(getenv(variable)); value != "" {
				return variable, value
			}
		}
		return "", ""
	}
	if s.url, fatal = address(get, signal); fatal != nil {
		return s, nil, fatal
	}
	if s.tls, fatal = certificates(get, getenv, signal); fatal != nil {
		return s, nil, fatal
	}
	var problems []error
	variable, text := get("HEADERS")
	if s.header, err = headers(text); err != nil {
		problems = append(problems, fmt.Errorf("%s: %w", variable, err))
	}
	switch variable, text := get("COMPRESSION"); text {
	case "gzip":
		s.gzip = true
	case "", "none":
	default:
		problems = append(problems, fmt.Errorf("%s is %q, and only gzip and none are known: nothing is compressed", variable, text))
	}
	s.timeout = usualTimeout
	if variable, text := get("TIMEOUT"); text != "" {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			s.timeout = time.Duration(n) * time.Millisecond
		} else {
			problems = append(problems, fmt.Errorf("%s is a number of milliseconds above 0, not %q: %v holds", variable, text, usualTimeout))
		}
	}
	return s, errors.Join(problems...), nil
}

// address is where a signal goes: an address of its own as it stands, or one for all with the signal's path behind it.
func address(get func(string) (string, string), signal Signal) (string, error) {
	variable, text := get("ENDPOINT")
	if text == "" {
		text = usualEndpoint
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%s is to be an address like http://collector:4318", variable) // with what is wrong in it a password would be told
	}
	if variable == "OTEL_EXPORTER_OTLP_"+signal.Word+"_ENDPOINT" {
		if u.Path == "" {
			u.Path = "/"
		}
		return u.String(), nil
	}
	u.Path = path.Join("/", u.Path, signal.Path)
	return u.String(), nil
}

// headers reads name=value with commas between them, the values in percent-encoding.
func headers(text string) (http.Header, error) {
	out, bad := http.Header{}, 0
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, is := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !is || err != nil || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			bad++
			continue
		}
		out.Set(name, value)
	}
	if bad > 0 { // which is not said: it may be a secret
		return out, fmt.Errorf("%d of the headers cannot be read and are left out. They are name=value with commas between them; a comma in a value is %%2C", bad)
	}
	return out, nil
}

// certificates are those that the collector is known by, and the gateway to it.
func certificates(get func(string) (string, string), getenv func(string) string, signal Signal) (*tls.Config, error) {
	var out *tls.Config
	if variable, file := get("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: there is no certificate in PEM in %s", variable, file)
		}
		out = &tls.Config{RootCAs: pool}
	}
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_" + signal.Word, "OTEL_EXPORTER_OTLP"} { // a certificate and the key that belongs to it
		certificate, key := getenv(prefix+"_CLIENT_CERTIFICATE"), getenv(prefix+"_CLIENT_KEY")
		if certificate == "" && key == "" {
			continue
		}
		if certificate == "" || key == "" {
			return nil, fmt.Errorf("of %s_CLIENT_CERTIFICATE and %[1]s_CLIENT_KEY one is set alone: each needs the other", prefix)
		}
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("%s_CLIENT_CERTIFICATE and %[1]s_CLIENT_KEY: %w", prefix, err)
		}
		if out == nil {
			out = &tls.Config{}
		}
		out.Certificates = []tls.Certificate{pair}
		break
	}
	return out, nil
}
