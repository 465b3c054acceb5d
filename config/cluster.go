package config

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Cluster is what several instances share limits, credits and breakers through. Without a Redis the instance is alone.
type Cluster struct {
	Redis     []string // addresses as they are written: secret
	CA        string   // a file with who signs the certificates of a Redis over TLS; "" is whom the system trusts
	Name      string   // what its keys in Redis begin with
	Instance  string   // what this instance is called in a ledger that it shares with others; "" is as its machine
	OnFailure OnFailure
}

// OnFailure is what becomes of requests while Redis does not answer.
type OnFailure string

// What may become of them.
const (
	FailLocal  OnFailure = "local"  // each instance goes on with what it knows
	FailRefuse OnFailure = "refuse" // what needs an answer is refused
)

var newCluster = Cluster{Name: "uni-api", OnFailure: FailLocal}

var clusterFields = []field[Cluster]{
	take("redis", listOf(secretText), func(c *Cluster) *[]string { return &c.Redis }),
	take("ca", text, func(c *Cluster) *string { return &c.CA }),
	take("name", clusterName, func(c *Cluster) *string { return &c.Name }),
	take("instance", clusterName, func(c *Cluster) *string { return &c.Instance }),
	take("on_failure", oneOf(string(FailLocal), string(FailRefuse)), func(c *Cluster) *string { return (*string)(&c.OnFailure) }),
}

// cluster reads a mapping. Without an address in it, that of the environment is taken.
func cluster(d *decoder, n *yaml.Node) (Cluster, bool) {
	c, ok := nested(clusterFields, newCluster)(d, n)
	if !ok {
		return Cluster{}, false
	}
	if c.Redis = d.redisAddresses(c.Redis); len(c.Redis) == 0 && (c.Instance != "" || c.OnFailure != newCluster.OnFailure) && c.Name == newCluster.Name {
		return c, true // only the ledger is shared
	} else if len(c.Redis) == 0 {
		d.fail(n, "", "%s needs redis: the address of a Redis or Valkey that all instances reach, such as redis://10.0.0.5:6379; or set REDIS_URL", d.key)
		return Cluster{}, false
	}
	if _, err := c.Server(); err != nil {
		d.fail(n, "", "%s: redis %s", d.key, err)
		return Cluster{}, false
	}
	return c, true
}

// redisAddresses are those of the file, or that of the environment.
func (d *decoder) redisAddresses(file []string) []string {
	if own := strings.TrimSpace(d.getenv("REDIS_URL")); len(file) == 0 && own != "" {
		d.secret(own)
		return []string{own}
	}
	return file
}

// clusterOfEnvironment makes the instance one of several if only REDIS_URL says so. It is not in the file, so a bad one
// is noted at its beginning.
func (d *decoder) clusterOfEnvironment(n *yaml.Node) {
	c := newCluster
	c.Instance = d.cfg.Preferences.Cluster.Instance
	if c.Redis = d.redisAddresses(nil); len(d.cfg.Preferences.Cluster.Redis) > 0 || len(c.Redis) == 0 {
		return
	}
	if _, err := c.Server(); err != nil {
		d.warn(n, "REDIS_URL", "environment variable REDIS_URL is not used, and this instance shares nothing with others: it %s", err)
		return
	}
	d.cfg.Preferences.Cluster = c
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func clusterName(d *decoder, n *yaml.Node) (string, bool) {
	s, ok := text(d, n)
	if ok && !nameForm.MatchString(s) {
		d.fail(n, s, "%s must be up to 64 letters, digits, points, hyphens and underscores, such as prod, not %s", d.key, shown(s))
		return "", false
	}
	return s, ok
}

// RedisServer is how a Redis is reached.
type RedisServer struct {
	Addresses          []string // host:port; several of a Cluster, or of Sentinels
	TLS                bool
	CA                 string // a file with whom to trust; "" is whom the system does
	Username, Password string
	Database           int
	Master             string // what Sentinels call it; "" where the addresses are Redis itself
}

// Ports that are meant where none is given.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// Server reads the addresses. The error goes behind "it" or the key's name, and has nothing of what may be secret.
func (c Cluster) Server() (s RedisServer, err error) {
	for i, raw := range c.Redis {
		one, err := redisServer(raw)
		if err != nil {
			return RedisServer{}, err
		}
		if i == 0 {
			s = one
			continue
		}
		s.Addresses = append(s.Addresses, one.Addresses...)
		one.Addresses = nil
		if first := s; one.TLS != first.TLS || one.Username != first.Username || one.Password != first.Password || one.Database != first.Database || one.Master != first.Master {
			return RedisServer{}, errors.New("has addresses that differ in more than host and port: scheme, user, password and path must be the same in all of them")
		}
	}
	if s.CA = c.CA; s.CA != "" && !s.TLS && len(c.Redis) > 0 {
		return RedisServer{}, errors.New("is reached without TLS, for which ca means nothing: begin its address with rediss:// or rediss+sentinel://, or leave ca out")
	}
	if len(s.Addresses) > 1 && s.Master == "" && s.Database != 0 {
		return RedisServer{}, errors.New("has several addresses and a database number: a Redis Cluster has database 0 alone, so leave the number out")
	}
	return s, nil
}

func redisServer(raw string) (s RedisServer, err error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	port := redisPort
	switch scheme {
	case "redis", "valkey":
	case "rediss", "valkeys":
		s.TLS = true
	case "redis+sentinel", "rediss+sentinel":
		s.TLS, port = scheme == "rediss+sentinel", sentinelPort
	default:
		return s, errors.New("must be an address that begins with redis://, rediss:// (TLS) or redis+sentinel://, such as redis://user:password@10.0.0.5:6379/0")
	}
	rest, query, _ := strings.Cut(rest, "?")
	if query != "" || strings.Contains(rest, "#") {
		return s, errors.New("has a ? or a # in its address, and neither means anything here: leave it out, or write %3F or %23 in a password")
	}
	authority, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		var bad [2]error
		s.Username, bad[0] = url.PathUnescape(user)
		s.Password, bad[1] = url.PathUnescape(password)
		if authority = authority[at+1:]; errors.Join(bad[:]...) != nil {
			return s, errors.New("has a % in its user or password that begins no escape: write it as %25")
		}
	}
	for host := range strings.SplitSeq(authority, ",") {
		address, ok := hostAndPort(strings.TrimSpace(host), port)
		if !ok {
			return s, errors.New("has no host, or one that is none: hosts are written as host:port with commas between them, and a password's / @ and : as %2F %40 and %3A")
		}
		s.Addresses = append(s.Addresses, address)
	}
	return s.at(strings.TrimSuffix(path, "/"), port == sentinelPort)
}

// at reads the path of an address: a database, or behind Sentinels what they call the master, and a database.
func (s RedisServer) at(path string, sentinel bool) (RedisServer, error) {
	if sentinel {
		if s.Master, path, _ = strings.Cut(path, "/"); s.Master == "" {
			return s, errors.New("needs what the Sentinels call the master, as in redis+sentinel://10.0.0.5:26379/mymaster")
		}
	}
	if path == "" {
		return s, nil
	}
	n, err := strconv.Atoi(path)
	if s.Database = n; err != nil || n < 0 || n > 1<<16 {
		return s, errors.New("has a path that is no number of a database, as the 0 of redis://10.0.0.5:6379/0")
	}
	return s, nil
}

func hostAndPort(text, port string) (string, bool) {
	u, err := url.Parse("redis://" + text)
	if err != nil || u.Hostname() == "" || u.Host != text {
		return "", false
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)), true
}

// String is the setting as `check` and logs show it: without user and password.
func (c Cluster) String() string {
	s, err := c.Server()
	if len(c.Redis) == 0 || err != nil {
		return ""
	}
	what := strings.Join(s.Addresses, ", ")
	if s.Master != "" {
		what = s.Master + " by the Sentinels " + what
	}
	if s.TLS {
		what += " over TLS"
	}
	if s.CA != "" {
		what += " by " + s.CA
	}
	return c.Name + " at Redis " + what + ", on_failure: " + string(c.OnFailure)
}

// Equal says whether two settings are the same.
func (c Cluster) Equal(o Cluster) bool {
	return slices.Equal(c.Redis, o.Redis) && c.CA == o.CA && c.Name == o.Name && c.Instance == o.Instance && c.OnFailure == o.OnFailure
}

// redis adds what is secret in the addresses of a Redis.
func (s *secrets) redis(c Cluster) {
	for _, raw := range c.Redis {
		if one, err := redisServer(raw); err == nil && one.Password != "" {
			s.pair(one.Username + ":" + one.Password)
		}
		if _, rest, has := strings.Cut(raw, "://"); has {
			if at := strings.LastIndexByte(rest, '@'); at > 0 && strings.Contains(rest[:at], ":") {
				s.pair(rest[:at])
			}
		}
	}
}
