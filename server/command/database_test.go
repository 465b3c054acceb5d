package command

import (
	"strings"
	"testing"
)

func TestDatabaseIsWhatTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct{ env, want, wrong string }{
		{"", "", ""},
		{"DATABASE_URL=postgres://a:b@c/d", "postgres://a:b@c/d", ""},
		{"DATABASE_URL=postgresql://a:b@c:1/d?sslmode=require DB_TYPE=sqlite", "postgresql://a:b@c:1/d?sslmode=require", ""},
		{"DATABASE_URL=postgres://a:b@c/d DISABLE_DATABASE=true", "", ""},
		{"DATABASE_URL=mysql://a:b-secret@c/d", "", `must begin with postgres://`},
		{"DB_TYPE=sqlite DB_HOST=db", "", ""},
		{"DB_TYPE=postgres", "postgres://postgres:mysecretpassword@localhost:5432/postgres", ""},
		{"DB_TYPE=Postgres DB_USER=u DB_PASSWORD=p@:/ DB_HOST=::1 DB_PORT=6543 DB_NAME=n", "postgres://u:p%40%3A%2F@[::1]:6543/n", ""},
		{"DB_TYPE=postgres DB_HOST=/run/postgresql", "postgres://postgres:mysecretpassword@/postgres?host=%2Frun%2Fpostgresql&port=5432", ""},
		{"DB_TYPE=mysql", "", "DB_TYPE must be sqlite"},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		got, err := database(func(name string) string { return env[name] })
		if got != c.want || (err == nil) != (c.wrong == "") || err != nil && (!strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "b-secret")) {
			t.Errorf("%s: %q, %v", c.env, got, err)
		}
	}
}
