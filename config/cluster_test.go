package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestRedisIsReachedAsItsAddressSays(t *testing.T) {
	for _, c := range []struct {
		redis string // of YAML
		want  RedisServer
	}{
		{"redis://10.0.0.5", RedisServer{Addresses: []string{"10.0.0.5:6379"}}},
		{"valkey://10.0.0.5:7000/3", RedisServer{Addresses: []string{"10.0.0.5:7000"}, Database: 3}},
		{"rediss://u:p%40ss%2F@a.example/", RedisServer{Addresses: []string{"a.example:6379"}, TLS: true, Username: "u", Password: "p@ss/"}},
		{"redis://:secret@[2001:db8::1]:7", RedisServer{Addresses: []string{"[2001:db8::1]:7"}, Password: "secret"}},
		{"redis://u:p:q@a,b:7001", RedisServer{Addresses: []string{"a:6379", "b:7001"}, Username: "u", Password: "p:q"}},
		{"['redis://a:1', 'redis://b:2']", RedisServer{Addresses: []string{"a:1", "b:2"}}},
		{"redis+sentinel://u:p@a,b:7/mymaster/2", RedisServer{Addresses: []string{"a:26379", "b:7"}, Username: "u", Password: "p", Database: 2, Master: "mymaster"}},
		{"rediss+sentinel://a/m", RedisServer{Addresses: []string{"a:26379"}, TLS: true, Master: "m"}},
	} {
		cfg, err := Parse("api.yaml", []byte(forAll("  cluster: {redis: "+quoted(c.redis)+"}\n")), noEnv)
		if err != nil {
			t.Errorf("%s: %v", c.redis, err)
			continue
		}
		if got, err := cfg.Preferences.Cluster.Server(); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.redis, got, err)
		}
		if said := fmt.Sprint(cfg.Preferences.Cluster); strings.Contains(said, "p%40") || strings.Contains(said, "secret") || !strings.HasPrefix(said, "uni-api at Redis ") && !strings.HasPrefix(said, "uni-api at") {
			t.Errorf("%s is told as %q", c.redis, said)
		}
	}
}

func quoted(yaml string) string {
	if strings.HasPrefix(yaml, "[") {
		return yaml
	}
	return "'" + yaml + "'"
}

func TestRedisThatCannotBeMeantIsRefusedWithWhatToChangeAndWithoutItsSecrets(t *testing.T) {
	const password = "hunter2hunter2"
	for redis, want := range map[string]string{
		"http://u:" + password + "@a":                                 "begins with redis://",
		"redis://u:" + password + "@":                                 "has no host",
		"redis://u:" + password + "@a:b":                              "has no host",
		"redis://u:" + password + "%zz@a":                             "%25",
		"redis://u:" + password + "#@a":                               "%23",
		"redis://u:" + password + "@a/main":                           "no number of a database",
		"redis://u:" + password + "@a?ssl=1":                          "has a ?",
		"redis+sentinel://u:" + password + "@a":                       "what the Sentinels call the master",
		"redis://u:" + password + "@a,b/2":                            "leave the number out",
		"['redis://a', 'redis://u:" + password + "@b']":               "must be the same in all of them",
		"['redis://u:" + password + "@a/1', 'rediss://u:x@b:6379/1']": "must be the same in all of them",
	} {
		_, err := Parse("api.yaml", []byte(forAll("  cluster: {redis: "+quoted(redis)+"}\n")), noEnv)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", redis, err)
		}
	}
}

func TestCertificatesOfARedisNeedTLS(t *testing.T) {
	for redis, want := range map[string]string{"rediss://a": "", "rediss+sentinel://a/m": "", "redis://a": "rediss://"} {
		cfg, err := Parse("api.yaml", []byte(forAll("  cluster: {redis: '"+redis+"', ca: /etc/redis-ca.pem}\n")), noEnv)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", redis, err)
		}
		if err == nil && !strings.Contains(cfg.Preferences.Cluster.String(), "over TLS by /etc/redis-ca.pem") {
			t.Errorf("%s is told as %s", redis, cfg.Preferences.Cluster)
		}
	}
}

func TestREDISURLMakesAnInstanceOneOfSeveral(t *testing.T) {
	const password = "hunter2hunter2"
	env := func(value string) func(string) string {
		return func(name string) string {
			if name == "REDIS_URL" {
				return value
			}
			return ""
		}
	}
	for _, c := range []struct{ file, env, want string }{
		{"", "", ""},
		{"", "redis://u:" + password + "@a/1", "uni-api at Redis a:6379, on_failure: local"},
		{"  cluster: {name: prod, on_failure: refuse}\n", "rediss://a", "prod at Redis a:6379 over TLS, on_failure: refuse"},
		{"  cluster: {redis: 'redis://b'}\n", "redis://a", "uni-api at Redis b:6379, on_failure: local"},
		{"  cluster: {on_failure: refuse}\n", "", ""}, // of the ledger alone
		{"  cluster: {on_failure: refuse, instance: one}\n", "", ""},
		{"", "ftp://" + password, ""},
	} {
		cfg, err := Parse("api.yaml", []byte(forAll("  max_retry_after: 60\n"+c.file)), env(c.env))
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if got := cfg.Preferences.Cluster.String(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
		warned := strings.Contains(fmt.Sprint(cfg.Warnings), "REDIS_URL")
		if warned != strings.HasPrefix(c.env, "ftp") || strings.Contains(fmt.Sprint(cfg.Warnings), password) {
			t.Errorf("%+v: %v", c, cfg.Warnings)
		}
		secret := false
		for _, s := range cfg.Secrets() {
			secret = secret || s.Text == password
		}
		if secret != strings.Contains(c.env, ":"+password) {
			t.Errorf("%+v: the password is a secret: %v", c, secret)
		}
	}
}

func FuzzRedisAddress(f *testing.F) {
	for _, seed := range []string{"redis://u:p@a:1,b/0", "redis+sentinel://a/m/1", "rediss://[::1]", "redis://", "valkey://%@,:/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := Cluster{Redis: []string{raw}}.Server()
		if err == nil && (len(s.Addresses) == 0 || s.Database < 0) {
			t.Errorf("%q is read as %+v", raw, s)
		}
		for _, address := range s.Addresses {
			if strings.Contains(address, "@") {
				t.Errorf("%q: the address has what may be a secret: %q", raw, address)
			}
		}
	})
}
