package server

import (
	"fmt"
	"io"

	"uniapi/balancer"
	"uniapi/codec/capability"
	"uniapi/pool/provider"
)

// explained is what would happen to a request, and what is known of those that would
// be asked, step by step.
type explained struct {
	balancer.Explanation
	Known []known `json:"known"`
}

// known is what is known of a model where a channel has it, and which line says so.
type known struct {
	Format   string               `json:"format"` // in which it would be asked
	Findings []capability.Finding `json:"findings"`
}

// known finds what is known for each step. What is no conversation asks for nothing
// that a table is needed for.
func (snap *snapshot) known(in *inbound, steps []balancer.Step) []known {
	if in.endpoint != provider.Chat {
		return nil
	}
	list := make([]known, len(steps))
	for i, step := range steps {
		for j, p := range snap.table.Providers {
			if channel := snap.backends[j].channel; channel != nil && p.Config.Name == step.Provider {
				format := channel.Format(provider.Ask{Endpoint: in.endpoint, Client: in.face.format(in).Name(), Model: step.Upstream})
				list[i].take(snap.backends[j].suits, format, step.Upstream)
			}
		}
	}
	return list
}

func (k *known) take(all suits, format, upstream string) {
	for _, list := range all {
		for _, s := range list {
			if s.upstream == format && s.target.Model == upstream {
				k.Format, k.Findings = s.target.Format, s.target.Findings
			}
		}
	}
}

func (k *known) print(w io.Writer) {
	if k.Format == "" {
		return
	}
	fmt.Fprintf(w, "     asked in the format %s, of which is known:\n", k.Format)
	for _, f := range k.Findings {
		fmt.Fprintf(w, "       %-18s %s (%s)\n", f.Key, f.Value, f.From)
	}
}
