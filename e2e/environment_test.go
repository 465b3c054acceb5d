package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// environmentRows are the variables of the environment.
var environmentRows = []row{
	{section: "Environment variables", key: "CONFIG_URL", set: "CONFIG_URL=file://$DIR/api.yaml", play: elsewhere, without: "1: no such file", with: "0: providers: 2"},
	{section: "Environment variables", key: "API_YAML_CONTENT", set: "API_YAML_CONTENT={providers: [{provider: p, base_url: http://127.0.0.1:9/v1, model: m}, {provider: q, base_url: http://127.0.0.1:9/v1, model: m}], api_keys: [{api: " + clientKey + "}]}",
		play: elsewhere, without: "1: no such file", with: "0: providers: 2"},
	{section: "Environment variables", key: "HTTP_PROXY", set: "HTTP_PROXY=$SIDE", play: throughProxy, without: "0 a", with: "1 a"},
	{section: "Environment variables", key: "HTTPS_PROXY", set: "HTTPS_PROXY=$SIDE", file: file{a: "{base_url: https://127.0.0.1:1/v1/chat/completions}"}, play: func(s *stage) string {
		s.side.answer, s.drawn = fails(502, "no way"), true // nobody sees that a was asked
		s.chat()
		return s.side.last().Method + " " + s.asked()
	}, without: "NONE b", with: "CONNECT b"},
	{section: "Environment variables", key: "ALL_PROXY", set: "ALL_PROXY=$SIDE", play: throughProxy, without: "0 a", with: "1 a"},
	{section: "Environment variables", key: "NO_PROXY", set: "NO_PROXY=localhost, 127.0.0.1", play: func(s *stage) string {
		s.env = append(s.env, "HTTP_PROXY="+s.side.url)
		return throughProxy(s)
	}, without: "1 a", with: "0 a"},
	{section: "Environment variables", key: "TIMEOUT", set: "TIMEOUT=1", file: patientB, play: slowFirst, without: "a", with: "a b"},
	{section: "Environment variables", key: "PORT", set: "PORT=8123", play: func(s *stage) string {
		said, _ := run(s.T, s.dir, s.environment(), "serve", "--help")
		return regexp.MustCompile(`0\.0\.0\.0:\d+`).FindString(said)
	}, without: "0.0.0.0:8000", with: "0.0.0.0:8123"},
	{section: "Environment variables", key: "UNI_API_KEY", set: "UNI_API_KEY=" + clientKey, play: func(s *stage) string {
		s.serve()
		var told []string
		for _, more := range [][]string{nil, {"--url", s.address, "--admin-key", clientKey}} {
			said, code := run(s.T, s.dir, s.environment(), append([]string{"explain", "--model", "m"}, more...)...)
			told = append(told, fmt.Sprint(code, " ", strings.Contains(said, "key admin, model m"), " ", strings.Contains(said, clientKey)))
		}
		return strings.Join(told, ", ")
	}, without: "2 false false, 2 false false", with: "0 true false, 0 true false"},
	{section: "Environment variables", key: "UNI_API_ADMIN_KEY", set: "UNI_API_ADMIN_KEY=" + clientKey, play: func(s *stage) string {
		s.serve()
		said, code := run(s.T, s.dir, s.environment(), "explain", "--url", s.address, "--key", "admin", "--model", "m")
		return fmt.Sprint(code, " ", strings.Contains(said, "401"))
	}, without: "1 true", with: "0 false"},
	{section: "Environment variables", key: "DISABLE_DATABASE", set: "DISABLE_DATABASE=1", unset: "DISABLE_DATABASE=false", play: func(s *stage) string {
		s.serve()
		_, err := os.Stat(filepath.Join(s.dir, "data", "usage.db"))
		return fmt.Sprint("a ledger: ", err == nil)
	}, without: "a ledger: true", with: "a ledger: false"},
	{section: "Environment variables", key: "DEBUG", set: "DEBUG=true", play: func(s *stage) string {
		s.a.answer = fails(500, "out of order")
		s.chat()
		s.log.await(s, "request")
		for _, line := range s.log.all {
			if line["level"] == "DEBUG" {
				return "more"
			}
		}
		return "less"
	}, without: "less", with: "more"},
	{section: "Environment variables", key: "REDIS_URL", set: "REDIS_URL=redis://127.0.0.1:1", play: shares, without: "alone", with: "uni-api at Redis 127.0.0.1:1, on_failure: local"},
	{section: "Environment variables", key: "OTEL_EXPORTER_OTLP_ENDPOINT", set: "OTEL_EXPORTER_OTLP_ENDPOINT=$SIDE", play: traced, without: "", with: "01"},
	{section: "Environment variables", key: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", set: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=$SIDE/elsewhere", play: traced, without: "", with: "01"},
	{section: "Environment variables", key: "OTEL_EXPORTER_OTLP_PROTOCOL", set: "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", play: tracedTo, without: "01", with: ""},
	{section: "Environment variables", key: "OTEL_TRACES_EXPORTER", set: "OTEL_TRACES_EXPORTER=none", play: tracedTo, without: "01", with: ""},
	{section: "Environment variables", key: "OTEL_TRACES_SAMPLER", set: "OTEL_TRACES_SAMPLER=always_off", play: tracedTo, without: "01", with: "00"},
	{section: "Environment variables", key: "OTEL_TRACES_SAMPLER_ARG", set: "OTEL_TRACES_SAMPLER_ARG=0", play: func(s *stage) string {
		s.env = append(s.env, "OTEL_TRACES_SAMPLER=traceidratio")
		return tracedTo(s)
	}, without: "01", with: "00"},
	{section: "Environment variables", key: "OTEL_PROPAGATORS", set: "OTEL_PROPAGATORS=none", play: tracedTo, without: "01", with: ""},
	{section: "Environment variables", key: "OTEL_SDK_DISABLED", set: "OTEL_SDK_DISABLED=true", play: tracedTo, without: "01", with: ""},
	{section: "Environment variables", key: "OTEL_SERVICE_NAME", set: "OTEL_SERVICE_NAME=gate", play: func(s *stage) string { return fmt.Sprint(collected(s).Resource["service.name"]) }, without: "uni-api", with: "gate"},
	{section: "Environment variables", key: "OTEL_RESOURCE_ATTRIBUTES", set: "OTEL_RESOURCE_ATTRIBUTES=team=blue", play: func(s *stage) string { return fmt.Sprint(collected(s).Resource["team"]) }, without: "<nil>", with: "blue"},
	{section: "Environment variables", key: "OTEL_EXPORTER_OTLP_HEADERS", set: "OTEL_EXPORTER_OTLP_HEADERS=x-token=sesame", play: func(s *stage) string {
		s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.side.url)
		s.chat()
		s.stop() // what is left is sent
		return s.side.last().Header.Get("X-Token")
	}, without: "", with: "sesame"},
	{section: "Environment variables", key: "NAME", set: "NAME=from-outside", file: file{aPreferences: "{headers: {X-Team: \"the ${NAME:-usual} team\"}}"},
		play: func(s *stage) string { s.chat(); return s.a.last().Header.Get("X-Team") }, without: "the usual team", with: "the from-outside team"},
}

// elsewhere has the program look for its file where there is none.
func elsewhere(s *stage) string {
	said, code := run(s.T, s.TempDir(), s.environment(), "check")
	for _, of := range []string{"providers: 2", "no such file"} {
		if strings.Contains(said, of) {
			return fmt.Sprint(code, ": ", of)
		}
	}
	return said
}

// The global proxy answers nothing, and neither does the environment's: whoever is reached was asked directly.
func TestProviderGoesPastEveryProxyThatIsNotItsOwn(t *testing.T) {
	for _, word := range []string{"direct", "Direct"} {
		s := newStage(t)
		s.env = []string{"ALL_PROXY=http://127.0.0.1:1"}
		s.write(file{aPreferences: "{proxy: " + word + "}", preferences: "{proxy: \"http://127.0.0.1:1\"}"}.text(t, inFile, ""))
		if got := s.chat(); !strings.HasPrefix(got.Status, "200") || s.asked() != "a" {
			t.Errorf("proxy: %s: %s, asked: %s", word, got.Status, s.asked())
		}
	}
}

func TestProxyOfTheEnvironmentThatCannotBeUsedIsCalledThat(t *testing.T) {
	s := newStage(t)
	s.env = []string{"HTTPS_PROXY=socks4://127.0.0.1:1080"}
	s.write(file{}.text(t, inFile, ""))
	if printed, code := s.check(); code != 1 || !strings.Contains(printed, `is left out: the environment's HTTPS_PROXY or ALL_PROXY cannot be used: proxy "socks4://127.0.0.1:1080": scheme must be`) {
		t.Errorf("exit code %d\n%s", code, printed)
	}
}

func TestLogSaysWhichProxyOfTheEnvironmentIsUsed(t *testing.T) {
	s := newStage(t)
	s.env = []string{"http_proxy=http://user:hidden-password@" + strings.TrimPrefix(s.side.url, "http://")}
	s.write(file{aPreferences: "{proxy: direct}"}.text(t, inFile, ""))
	s.serve()
	line := s.log.await(s, "the environment's proxy is used")
	if said := fmt.Sprint(line); !strings.Contains(said, "providers:b ") || strings.Contains(said, "hidden-password") {
		t.Error(said)
	}
}
