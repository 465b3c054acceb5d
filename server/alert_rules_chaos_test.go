//go:build chaos

package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// promtool runs Prometheus' own judge of rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if printed, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, printed)
	}
}

func TestAlertRulesRaiseWhatTheySayAndNothingElse(t *testing.T) {
	rules, err := filepath.Abs(filepath.Join("..", "deploy", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", rules)
	tests, err := os.ReadFile(filepath.Join("testdata", "alerts_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "alerts_test.yml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(tests), "RULES", rules, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "test", "rules", file)
	for what := range monitored(t) {
		if name, is := strings.CutPrefix(what, "alert "); is && !strings.Contains(string(tests), "alertname: "+name+", eval_time: 15m, exp_alerts") {
			t.Errorf("no test raises %s", name)
		}
	}
}

func TestGrafanaDashboardsQueriesAreReadByPrometheus(t *testing.T) {
	variables := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$provider", ".*", "$model", ".*")
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for what, query := range monitored(t) {
		if strings.HasPrefix(what, "panel ") {
			rules = append(rules, rule{fmt.Sprint("panel:query", len(rules)), variables.Replace(query)})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "panels.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
