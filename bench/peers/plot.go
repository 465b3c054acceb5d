//go:build linux

package main

import (
	"fmt"
	"html"
	"strings"
)

// bars of the plot: where the CPU of each scenario is looked up, and the aim.
var bars = []struct {
	title, scenario, load string
	most                  float64 // aim of the gateway, as a multiple of nginx; 0: none
	mostTranslated        float64 // aim of what it translates, as a multiple of what it does not; 0: none
}{
	{"plain, 1 KB", "plain", saturated, 1.4, 0},
	{"prompt 10 KB", "prompt-10k", saturated, 0, 0},
	{"prompt 100 KB", "prompt-100k", saturated, 0, 0},
	{"prompt 1 MB", "prompt-1m", saturated, 0, 0},
	{"answer 10 KB", "answer-10k", saturated, 0, 0},
	{"answer 100 KB", "answer-100k", saturated, 0, 0},
	{"answer 1 MB", "answer-1m", saturated, 0, 0},
	{"50-event stream", "stream", saturated, 1.1, 0},
	{"500 paced streams", "paced-500", pacedLoad, 1.1, 0},
	{"2,000 paced streams", "paced-2000", pacedLoad, 1.1, 0},
	{"translated, plain", "convert", saturated, 0, 0},
	{"translated, stream", "convert-stream", saturated, 0, 2},
}

// Sizes of the plot, in its own units.
const (
	plotWidth  = 760
	leftSide   = 150
	scaleEnd   = 700
	barHeight  = 13
	barGap     = 3
	groupGap   = 14
	labelWidth = 36
	topSide    = 64
)

// plotStyle serves light and dark: who looks decides, by prefers-color-scheme.
const plotStyle = `<style>
svg { background: #fff; font: 12px system-ui, sans-serif; }
text { fill: #222; } .faint { fill: #666; } .grid { stroke: #ddd; } .one { stroke: #666; } .aim { stroke: #c2185b; stroke-width: 2.5; } .key { fill: #c2185b; }
.nginx { fill: #9aa0a6; } .haproxy { fill: #c9a227; } .gateway { fill: #1f77b4; } .claude { fill: #2a9d8f; } .gemini { fill: #7b61c4; }
@media (prefers-color-scheme: dark) {
svg { background: #16181c; } text { fill: #e6e6e6; } .faint { fill: #a0a4aa; } .grid { stroke: #33373d; } .one { stroke: #a0a4aa; } .aim { stroke: #ff6fa3; } .key { fill: #ff6fa3; }
.nginx { fill: #7d838a; } .gateway { fill: #4ea3e0; } .claude { fill: #43b8a9; } .gemini { fill: #9d87e6; }
}
</style>
`

// bar is one peer's.
type bar struct {
	class, name string
	value       float64
}

func barsOf(s *section) (out []bar) {
	for _, r := range s.Rows {
		value, ok := r.Figures[timesNginx]
		if !ok {
			continue
		}
		class := r.Peer
		switch {
		case r.Model == claudeModel:
			class = "claude"
		case r.Model == geminiModel:
			class = "gemini"
		case r.Peer == gateway:
			class = "gateway"
		}
		out = append(out, bar{class, rowName(r.Peer, r.Model), value})
	}
	return out
}

// plot draws the CPU of each scenario as a multiple of nginx's, as SVG.
func (r *results) plot() string {
	most, y := 2.0, float64(topSide)
	for _, b := range bars {
		if s := r.section(b.scenario, b.load); s != nil {
			for _, bar := range barsOf(s) {
				most = max(most, bar.value)
			}
		}
	}
	x := func(value float64) float64 { return leftSide + value/most*(scaleEnd-leftSide) }
	var body strings.Builder
	for _, group := range bars {
		s := r.section(group.scenario, group.load)
		if s == nil {
			continue
		}
		shown := barsOf(s)
		if len(shown) == 0 {
			continue
		}
		top, untranslated := y, 0.0
		for _, bar := range shown {
			fmt.Fprintf(&body, "<rect class=\"%s\" x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"%d\"><title>%s: %.2f × nginx</title></rect>\n",
				bar.class, leftSide, y, x(bar.value)-leftSide, barHeight, html.EscapeString(bar.name), bar.value)
			aim := 0.0
			switch bar.class {
			case "gateway":
				aim, untranslated = group.most, bar.value
			case "claude", "gemini":
				aim = group.mostTranslated * untranslated
			}
			if aim > 0 {
				fmt.Fprintf(&body, "<line class=\"aim\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"><title>aim: at most %.2f × nginx</title></line>\n",
					x(aim), x(aim), y-2, y+barHeight+2, aim)
			}
			if bar.class != nginx { // whose is always 1
				label := x(bar.value)
				if room := x(aim) - label; room > 0 && room < labelWidth {
					label = x(aim)
				}
				fmt.Fprintf(&body, "<text class=\"faint\" x=\"%.1f\" y=\"%.0f\" font-size=\"11\">%.2f</text>\n", label+5, y+barHeight-2, bar.value)
			}
			y += barHeight + barGap
		}
		fmt.Fprintf(&body, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", leftSide-8, (top+y)/2+3, html.EscapeString(group.title))
		y += groupGap
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"CPU of each scenario as a multiple of nginx's\">\n%s",
		plotWidth, y+24, plotStyle)
	fmt.Fprintf(&b, "<text x=\"10\" y=\"20\" font-size=\"14\" font-weight=\"600\">CPU as a multiple of nginx's (less is better)</text>\n")
	legend(&b)
	for tick := 0.0; tick <= most; tick += tickOf(most) {
		class := "grid"
		if tick == 1 {
			class = "one"
		}
		fmt.Fprintf(&b, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.0f\"/>\n", class, x(tick), x(tick), topSide-8, y-4)
		fmt.Fprintf(&b, "<text class=\"faint\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\" font-size=\"11\">%g</text>\n", x(tick), y+10, tick)
	}
	b.WriteString(body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// tickOf is the distance of the lines of a scale up to most.
func tickOf(most float64) float64 {
	for _, tick := range []float64{0.5, 1, 2, 5} {
		if most/tick <= 8 {
			return tick
		}
	}
	return 10
}

// legend says which colour is whose.
func legend(b *strings.Builder) {
	at := 10
	for _, entry := range []struct{ class, name string }{
		{"nginx", nginx}, {"haproxy", "haproxy"}, {"gateway", gateway}, {"claude", "to Anthropic"}, {"gemini", "to Gemini"}, {"key", "aim"},
	} {
		fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"34\" width=\"10\" height=\"10\"/><text x=\"%d\" y=\"43\">%s</text>\n", entry.class, at, at+15, entry.name)
		at += 40 + 7*len(entry.name)
	}
}
