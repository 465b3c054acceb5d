package command

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// database is the address of the PostgreSQL in which instances keep their books together, as the environment says; ""
// is none. DB_TYPE and what belongs to it are the Python uni-api's.
func database(getenv func(string) string) (string, error) {
	if truth(getenv("DISABLE_DATABASE")) {
		return "", nil
	}
	if address := strings.TrimSpace(getenv("DATABASE_URL")); address != "" {
		scheme, _, _ := strings.Cut(address, "://")
		if scheme != "postgres" && scheme != "postgresql" {
			return "", fmt.Errorf("DATABASE_URL must begin with postgres://, such as postgres://user:password@10.0.0.5:5432/uniapi, not with %q; without it the ledger is a file in the folder of --data", scheme+"://")
		}
		return address, nil
	}
	switch kind := strings.ToLower(strings.TrimSpace(getenv("DB_TYPE"))); kind {
	case "", "sqlite":
		return "", nil
	case "postgres", "postgresql":
	default:
		return "", fmt.Errorf("DB_TYPE must be sqlite, which is a file in the folder of --data, or postgres, not %q", kind)
	}
	u := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(cmp.Or(getenv("DB_USER"), "postgres"), cmp.Or(getenv("DB_PASSWORD"), "mysecretpassword")),
		Path:   "/" + cmp.Or(getenv("DB_NAME"), "postgres"),
	}
	host, port := cmp.Or(getenv("DB_HOST"), "localhost"), cmp.Or(getenv("DB_PORT"), "5432")
	if strings.HasPrefix(host, "/") { // the folder of its socket
		u.RawQuery = url.Values{"host": {host}, "port": {port}}.Encode()
	} else {
		u.Host = net.JoinHostPort(host, port)
	}
	return u.String(), nil
}
