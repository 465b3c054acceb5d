package loadtest

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommandExplainsItself(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"--help"}, 0, "-error-rate", ""},
		{[]string{"--evnts", "5"}, 2, "", "-evnts"},
		{[]string{"--gap", "5"}, 2, "", "-gap"},
		{[]string{"--events", "2"}, 2, "", "events is 2"},
		{[]string{"--size", "7"}, 2, "", "size 7 is too small"},
		{[]string{"--formats", "--events", "20"}, 2, "", "--events is for load"},
		{[]string{"now"}, 2, "", `unexpected argument "now"`},
		{[]string{"--addr", "127.0.0.1:99999"}, 1, "", "--addr 127.0.0.1:99999"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Command(tt.args, &stdout, &stderr); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.args, code, tt.code)
		}
		if !strings.Contains(stdout.String(), tt.stdout) || (tt.stdout == "" && stdout.Len() > 0) {
			t.Errorf("%v: stdout %q", tt.args, stdout.String())
		}
		if !strings.Contains(stderr.String(), tt.stderr) || (tt.stderr == "" && stderr.Len() > 0) {
			t.Errorf("%v: stderr %q", tt.args, stderr.String())
		}
	}
}
