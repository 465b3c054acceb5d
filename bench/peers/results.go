//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// results are a run's outcome. As JSON they are what later runs are compared
// with, so the names of members stay as they are.
type results struct {
	When        time.Time        `json:"when"`
	Command     string           `json:"command"`
	Environment string           `json:"environment"`
	Settings    string           `json:"settings"`
	Versions    []string         `json:"versions"` // "nginx: nginx version ..."
	Missing     []string         `json:"missing,omitempty"`
	Scenarios   []scenarioResult `json:"scenarios"`
	Start       []startResult    `json:"start,omitempty"`
}

// scenarioResult is what a scenario gave, in one section for each load.
type scenarioResult struct {
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Sections []section `json:"sections"`
}

// section is one load on all peers.
type section struct {
	Load string  `json:"load"`           // one of the load names
	Rate float64 `json:"rate,omitempty"` // requests a second of an open loop
	Rows []row   `json:"rows"`
}

// Load names.
const (
	saturated = "saturated"
	light     = "light"
	half      = "half"
	pacedLoad = "paced"
	heldLoad  = "held"
	countLoad = "count"
)

// row is one peer under one load: the medians of its rounds.
type row struct {
	Peer    string  `json:"peer"`
	Model   string  `json:"model"`
	Figures figures `json:"figures"`
}

// section of a scenario by its names; nil if it was not measured.
func (r *results) section(scenario, load string) *section {
	for i := range r.Scenarios {
		if r.Scenarios[i].Name == scenario {
			return r.Scenarios[i].section(load)
		}
	}
	return nil
}

func (s *scenarioResult) section(load string) *section {
	for i := range s.Sections {
		if s.Sections[i].Load == load {
			return &s.Sections[i]
		}
	}
	return nil
}

// of are the figures of a peer asked for a model; nil if there are none. It may
// be asked of a section that was not measured.
func (s *section) of(peer, model string) figures {
	if s == nil {
		return nil
	}
	for _, r := range s.Rows {
		if r.Peer == peer && r.Model == model {
			return r.Figures
		}
	}
	return nil
}

// gateway are the figures of the gateway where it translates nothing.
func (r *results) gateway(scenario, load string) figures {
	return r.section(scenario, load).of(gateway, chatModel)
}

// write puts the table, the plot and the figures beside each other; path is the
// table's.
func (r *results) write(path string) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return cmp.Or(
		os.WriteFile(path, []byte(r.markdown(filepath.Base(beside(path, ".svg")))), 0o644),
		os.WriteFile(beside(path, ".svg"), []byte(r.plot()), 0o644),
		os.WriteFile(beside(path, ".json"), append(data, '\n'), 0o644))
}

// beside is the path of a file with the same name and another extension.
func beside(path, extension string) string {
	return path[:len(path)-len(filepath.Ext(path))] + extension
}
