//go:build chaos

package server

import (
	"os/exec"
	"testing"
)

func TestUnitLeavesAnIntruderLittle(t *testing.T) {
	// The threshold is in tenths: an exposure level of 2.0.
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", "../deploy/uni-api.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v (apt-get install systemd)\n%s", err, out)
	}
}
