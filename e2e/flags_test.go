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
		{"--max-body 64MiB --request-memory 1.5GB --max-in-flight 0 --config /nonexistent", "the configuration cannot be used"},
	} {
		out, code := run(t, t.TempDir(), nil, append([]string{"serve"}, strings.Fields(c.args)...)...)
		if code == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d\n%s", c.args, code, out)
		}
	}
}
