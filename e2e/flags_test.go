package e2e

import (
	"strings"
	"testing"
)

func TestFlagsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--request-memory 10", "1048576 bytes or more"},
		{"--request-memory much", "such as 67108864 or 64MiB"},
		{"--max-body 0", "1024 bytes or more"},
		{"--max-body -1", "such as 67108864 or 64MiB"},
		{"--max-body 9999999TiB", "such as 67108864 or 64MiB"},
		{"--max-connections -1", "must be 0 or more"},
		{"--max-in-flight -1", "must be 0 or more"},
		{"--drain-timeout -5s", "must be 0 or more"},
		{"--drain-grace -1s", "must be 0 or more"},
		{"--retention 0", "--retention more than 0"},
		{"--listen 8000", `\"8000\" is no address with a port; write one such as 127.0.0.1:8000, or :8000 for all addresses`},
		{"--listen=", "is no address with a port"},
		{"--listen :", "is no address with a port"},
		{"--listen 127.0.0.1:99999", "is no address with a port"},
		{"--metrics-listen localhost", "--metrics-listen: "},
		{"--max-body 64MiB --request-memory 1.5GB --max-in-flight 0 --config /nonexistent", "the configuration cannot be used"},
	} {
		out, code := run(t, t.TempDir(), nil, append([]string{"serve"}, strings.Fields(c.args)...)...)
		if code == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d\n%s", c.args, code, out)
		}
	}
}

func TestPortOfTheEnvironmentIsNamedWhereItIsNone(t *testing.T) {
	for _, port := range []string{"eight", "99999", "tcp://10.0.0.1:8000"} {
		out, code := run(t, t.TempDir(), []string{"PORT=" + port}, "serve")
		if code != 2 || !strings.Contains(out, "the environment's PORT") || !strings.Contains(out, "0.0.0.0:"+port) {
			t.Errorf("%s: exit code %d\n%s", port, code, out)
		}
	}
}
