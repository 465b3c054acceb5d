//go:build linux && chaos

package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunMeasuresEveryPeerAndLeavesNothingBehind(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out := filepath.Join(t.TempDir(), "results", "peers.md")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"--bin", self, "--scenarios", "plain,convert-stream,paced-500,held-5000,start", "--rounds", "2",
		"--seconds", "50ms", "--warm", "20ms", "--connections", "4", "--most", "8", "--ramp", "20ms", "--settle", "1ms", "--out", out}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for _, want := range []string{"## plain: ", "## translated: stream of 50 events", "## 500 streams", "## 5,000 open streams", "## Start", "| direct | ",
		"| uni-api | ", "| uni-api, to Gemini | ", "- uni-api: stand-in 1\n", "](peers.svg)"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, stdout.String())
		}
	}
	if written, err := os.ReadFile(out); err != nil || string(written) != stdout.String() {
		t.Errorf("the file differs from what was printed: %v", err)
	}
	var kept results
	if data, err := os.ReadFile(beside(out, ".json")); err != nil || json.Unmarshal(data, &kept) != nil || kept.gateway("plain", saturated)[perSecond] <= 0 {
		t.Errorf("the figures are not kept: %v", err)
	}
	if plot, err := os.ReadFile(beside(out, ".svg")); err != nil || xml.Unmarshal(plot, new(struct{})) != nil {
		t.Errorf("the plot is no SVG: %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	tree, err := processTree(os.Getpid())
	if err != nil || len(tree) > 1 {
		t.Errorf("processes left behind: %v, %v", tree, err)
	}
}

func TestRunMeasuresBesideAnOlderBinaryAlone(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"--bin", self, "--before", self, "--scenarios", "plain", "--rounds", "2", "--seconds", "50ms", "--warm", "20ms", "--connections", "4", "--out", ""}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for _, want := range []string{"| before | ", "| uni-api | ", "| × before |"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, stdout.String())
		}
	}
	if strings.Contains(stdout.String(), "| nginx | ") {
		t.Errorf("others were measured too:\n%s", stdout.String())
	}
}
