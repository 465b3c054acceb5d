package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// monitored are the queries of deploy/alerts.yml and deploy/grafana.json, by what they are for.
func monitored(t *testing.T) map[string]string {
	t.Helper()
	read := func(file string, unmarshal func([]byte, any) error, to any) {
		text, err := os.ReadFile(filepath.Join("..", "deploy", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := unmarshal(text, to); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	read("alerts.yml", func(text []byte, to any) error { return yaml.Unmarshal(text, to) }, &rules)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	read("grafana.json", json.Unmarshal, &dashboard)
	queries := map[string]string{}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			queries["alert "+rule.Alert] = rule.Expr
		}
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries["panel "+panel.Title+" "+target.Expr] = target.Expr
		}
	}
	for _, v := range dashboard.Templating.List {
		if v.Definition != "" {
			queries["variable "+v.Name] = v.Definition
		}
	}
	return queries
}

func TestAlertRulesAndTheGrafanaDashboardAskForMetricsThatAreServed(t *testing.T) {
	g := start(t, providerOf("fails", listen(t, says(reply(500, "application/json", errorBody("no")))), quick), providerOf("p", listen(t, both), quick))
	g.chat(plainRequest)
	m := g.scrape()
	labels := map[string]map[string]bool{}
	for series, of := range m.Labels {
		name, _, _ := strings.Cut(series, "{")
		for label := range of {
			if labels[name] == nil {
				labels[name] = map[string]bool{}
			}
			labels[name][label] = true
		}
	}
	names := regexp.MustCompile(`uniapi_[a-z_]+`)
	matched := regexp.MustCompile(`(uniapi_[a-z_]+)\{([^}]*)\}`)
	label := regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	queries := monitored(t)
	if len(queries) < 40 {
		t.Fatalf("%d queries were found", len(queries))
	}
	for what, query := range queries {
		for _, name := range names.FindAllString(query, -1) {
			if m.Kinds[strings.TrimSuffix(name, "_bucket")] == "" {
				t.Errorf("%s asks for %s, which is not served", what, name)
			}
		}
		for _, selector := range matched.FindAllStringSubmatch(query, -1) {
			for _, l := range label.FindAllStringSubmatch(selector[2], -1) {
				if of := labels[selector[1]]; l[1] != "job" && of != nil && !of[l[1]] {
					t.Errorf("%s: %s has no label %s", what, selector[1], l[1])
				}
			}
		}
	}
}
