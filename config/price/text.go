package price

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// names are the members as they are written.
var names = [memberCount]string{
	CacheWrite1h: "cache_write_1h", Reasoning: "reasoning", AudioInput: "audio_input", AudioOutput: "audio_output", ImageInput: "image_input", ImageOutput: "image_output",
	PerImage: "per_image", PerSecond: "per_second", PerCharacter: "per_character", PerRequest: "per_request", PerSearch: "per_search", PerFileSearch: "per_file_search", PerCodeCall: "per_code_call",
	PerDocumentSearch: "per_document_search", PerMap: "per_map",
}

var mainNames = [...]string{"input", "output", "cached", "cache_write"}

// Names are all that a price may be made of.
func Names() []string { return append(mainNames[:], names[:]...) }

// Places is how many decimals an amount of dollars may have: of a million tokens, or of one of what else is counted.
func Places(name string) int {
	if i := slices.Index(names[:], name); i >= int(tokenMembers) {
		return 12
	}
	return 6
}

// Part is one member of a price that is put together, in pico-dollars, and in which tier.
type Part struct {
	Above   int64
	Service string
	Hours   *Hours
	Name    string
	Amount  int64
	Of      string // of PerImage the size and the quality, of PerRequest and PerSearch the kind of searches; "" for all
}

// Make puts a price together. What a tier does not say is as without it; what was read from a cache or written into one
// costs what the input costs where nothing is said.
func Make(parts []Part) (p Price, err error) {
	type tier struct {
		above   int64
		service string
		hours   *Hours
	}
	// In the order of how much they say: later parts of the same name replace earlier ones.
	slices.SortStableFunc(parts, func(a, b Part) int { return rankOf(a.Above, a.Service, a.Hours) - rankOf(b.Above, b.Service, b.Hours) })
	var tiers []tier
	for _, part := range parts {
		if t := (tier{part.Above, part.Service, part.Hours}); t != (tier{}) && !slices.Contains(tiers, t) {
			tiers = append(tiers, t)
		}
	}
	build := func(fits func(Part) bool) (p Price, err error) {
		cached, written := false, false
		for _, part := range parts {
			if !fits(part) {
				continue
			}
			if part.Of != "" && ByKind(part.Name) {
				p.setSearch(Member(slices.Index(names[:], part.Name)), part.Of, part.Amount)
				continue
			}
			if part.Of != "" {
				if err := p.setImage(part.Of, part.Amount); err != nil {
					return p, err
				}
				continue
			}
			switch part.Name {
			case "input":
				p.Input = part.Amount
			case "output":
				p.Output = part.Amount
			case "cached":
				p.Cached, cached = part.Amount, true
			case "cache_write":
				p.CacheWrite, written = part.Amount, true
			default:
				m := slices.Index(names[:], part.Name)
				if m < 0 {
					return p, fmt.Errorf("%q is no part of a price", part.Name)
				}
				p.set(Member(m), part.Amount)
			}
		}
		if !cached {
			p.Cached = p.Input
		}
		if !written {
			p.CacheWrite = p.Input
		}
		return p, nil
	}
	if p, err = build(func(a Part) bool { return a.Above == 0 && a.Service == "" && a.Hours == nil }); err != nil {
		return p, err
	}
	for _, t := range tiers {
		of, err := build(func(a Part) bool {
			return (a.Above == 0 || a.Above == t.above) && (a.Service == "" || a.Service == t.service) && (a.Hours == nil || a.Hours == t.hours)
		})
		if err != nil {
			return p, err
		}
		if p.More == nil {
			p.More = new(More)
		}
		p.Tiers = append(p.Tiers, Tier{t.above, t.service, t.hours, of})
	}
	return p, nil
}

// parse reads a price as lists have it: members with their dollars behind "=", a space between two. Those of a tier
// have its bound before them, as in ">200000:input=5", its service, as in "flex:input=1", or both, as in
// "flex>200000:input=2". What holds at some hours has "off_peak:" before it, as in "off_peak:input=0.5", which
// "off_peak=mon-fri_16:30-00:30;sat,sun@Asia/Shanghai" tells. That of an image has its size and quality behind it, as
// in "per_image/hd/1024x1024=0.08", that of a search its kind, as in "per_search/preview=0.025".
func parse(text string) (Price, error) {
	e, err := parseEntry(text)
	return e.Price, err
}

const (
	// mostName is the word of an entry that says how many tokens the model answers with at most.
	mostName = "most"
	// offPeakName is that which says at which hours another price holds, and what is before the parts of that.
	offPeakName = "off_peak"
)

// parseEntry is parse of what may also say how much the model answers.
func parseEntry(text string) (e Entry, err error) {
	var parts []Part
	hours, err := hoursIn(text)
	if err != nil {
		return e, err
	}
	for word := range strings.FieldsSeq(text) {
		name, amount, ok := strings.Cut(word, "=")
		if !ok {
			return e, fmt.Errorf("%q has no amount", word)
		}
		if name == mostName {
			if e.Most, err = strconv.ParseInt(amount, 10, 64); err != nil || e.Most <= 0 || e.Most > mostOutput {
				return e, fmt.Errorf("%q is no number of tokens", word)
			}
			continue
		}
		if name == offPeakName {
			continue
		}
		var part Part
		if rest, is := strings.CutPrefix(name, offPeakName+":"); is {
			if part.Hours, name = hours, rest; hours == nil {
				return e, fmt.Errorf("%q has no hours", word)
			}
		}
		if tier, of, is := strings.Cut(name, ":"); is {
			service, above, bounded := strings.Cut(tier, ">")
			part.Service, name = service, of
			if bounded {
				n, err := strconv.ParseInt(above, 10, 64)
				if err != nil || n <= 0 {
					return e, fmt.Errorf("%q has no bound", word)
				}
				part.Above = n
			}
		}
		name, part.Of, _ = strings.Cut(name, "/")
		if part.Name, part.Of = name, strings.ReplaceAll(part.Of, "/", " "); part.Of != "" && name != names[PerImage] && !(ByKind(name) && IsSearchKind(part.Of)) {
			return e, fmt.Errorf("%q is no price of images or searches", word)
		}
		if part.Amount, ok = Amount(amount, Places(name)); !ok {
			return e, fmt.Errorf("%q is no amount of dollars", word)
		}
		parts = append(parts, part)
	}
	e.Price, err = Make(parts)
	return e, err
}

// hoursIn are the hours of an entry's other price; nil if it has none.
func hoursIn(text string) (*Hours, error) {
	for word := range strings.FieldsSeq(text) {
		if said, is := strings.CutPrefix(word, offPeakName+"="); is {
			windows, zone, _ := strings.Cut(strings.ReplaceAll(said, "_", " "), "@")
			return ReadHours(strings.Split(windows, ";"), strings.ReplaceAll(zone, " ", "_"))
		}
	}
	return nil, nil
}

// Amount reads dollars as whole units of 10^-places of one; false if it has more decimals, or a million dollars and
// more.
func Amount(text string, places int) (int64, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > places || whole+fraction == "" || strings.ContainsAny(text, "+-_eE") {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	return n, err == nil && n < int64(math.Pow10(min(places+6, 18)))
}

// String is the price in dollars per million tokens, and what else it is made of by name.
func (p Price) String() string {
	var b strings.Builder
	if p.HasTokens() || !p.HasUnits() || p.FreeTokens {
		for i, n := range [...]int64{p.Input, p.Output, p.Cached, p.CacheWrite} {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(Dollars(n, 6))
		}
	}
	if p.More == nil {
		return b.String()
	}
	for m, name := range names {
		if n, is := p.Get(Member(m)); is {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%s %s", name, Dollars(n, Places(name)))
			if Member(m) == PerImage {
				b.WriteString(p.imagesString())
			}
			b.WriteString(p.searchesString(Member(m)))
		}
	}
	for _, t := range p.Tiers {
		b.WriteString("; ")
		if t.Service != "" {
			b.WriteString(t.Service + " ")
		}
		if t.Hours != nil {
			b.WriteString("off-peak (" + t.Hours.String() + ") ")
		}
		if t.Above > 0 {
			fmt.Fprintf(&b, "above %d tokens ", t.Above)
		}
		b.WriteString(t.Price.String())
	}
	return b.String()
}

// Dollars writes an amount in units of 10^-places without trailing zeros.
func Dollars(amount int64, places int) string {
	text := fmt.Sprintf("%0*d", places+1, amount)
	whole, fraction := text[:len(text)-places], strings.TrimRight(text[len(text)-places:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
