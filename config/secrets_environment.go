package config

import (
	"net/url"
	"strings"
)

// secretDatabaseParameters are those of a database's URL that are secret. The others are settings that the log has to
// tell of, as the folder of a socket.
var secretDatabaseParameters = []string{"password", "sslpassword"}

// secretsOfEnvironment are what variables hold that no file names: how the ledger's database, the collector of traces
// and metrics, and the configuration's own address are reached.
func secretsOfEnvironment(getenv func(string) string) []Secret {
	var s secrets
	s.database(strings.TrimSpace(getenv("DATABASE_URL")))
	s.add(getenv("DB_PASSWORD"), getenv("PGPASSWORD"))
	s.url(strings.TrimSpace(getenv("CONFIG_URL")))
	for _, signal := range [...]string{"", "TRACES_", "METRICS_", "LOGS_"} {
		s.url(strings.TrimSpace(getenv("OTEL_EXPORTER_OTLP_" + signal + "ENDPOINT")))
		s.headerList(getenv("OTEL_EXPORTER_OTLP_" + signal + "HEADERS"))
	}
	return s.found
}

// database adds the secrets in the URL of a database.
func (s *secrets) database(raw string) {
	u, err := url.Parse(raw)
	if err != nil {
		s.add(raw) // nobody can tell what of it is the password
		return
	}
	query := u.Query()
	u.RawQuery = ""
	s.url(u.String())
	for _, name := range secretDatabaseParameters {
		s.add(query[name]...)
	}
}

// headerList adds the secrets among headers as OpenTelemetry has them, NAME=VALUE with a comma between two and escapes
// as in a URL. They are secret as they stand there and as they are meant.
func (s *secrets) headerList(list string) {
	for entry := range strings.SplitSeq(list, ",") {
		name, value, is := strings.Cut(entry, "=")
		if !is {
			s.add(entry)
			continue
		}
		h := Header{Name: strings.TrimSpace(name), Value: value}
		s.header(h)
		if meant, err := url.PathUnescape(value); err == nil && meant != value {
			h.Value = meant
			s.header(h)
		}
	}
}
