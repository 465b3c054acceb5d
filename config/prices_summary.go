package config

import (
	"fmt"
	"strings"
)

// summarisePrices writes what each model of the providers that are served costs, and which entry says so.
func (c *Config) summarisePrices(b *strings.Builder, more [][][2]string) {
	b.WriteString("prices, in dollars per million tokens: input, output, read from a cache, written to it\n")
	for i, p := range c.Providers {
		if leftOut(i, more) {
			continue
		}
		if p.Models == nil {
			fmt.Fprintf(b, "  %s: by the names that the provider lists\n", p.Name)
			continue
		}
		for _, m := range p.Models {
			priced := c.PriceOf(p, m.Alias, m.Upstream)
			fmt.Fprintf(b, "  %s/%s: %s (%s)\n", p.Name, m.Alias, priced.Price, priced.why(c.listName()))
		}
	}
}

// why says in words who gave the price.
func (p *Priced) why(list string) string {
	at := ""
	if p.Line > 0 {
		at = fmt.Sprintf(", line %d", p.Line)
	}
	switch p.From {
	case FromOwn:
		return "the provider's model_price, " + p.Entry + at
	case FromOwnDefault:
		return "the default of the provider's model_price" + at
	case FromGlobal:
		return "model_price, " + p.Entry + at
	case FromList:
		return list + ", " + p.Entry
	case FromGlobalDefault:
		return "default price: the default of model_price" + at
	}
	return "default price: no other fits"
}

// unpricedShown is how many models a warning names.
const unpricedShown = 5

// PriceWarnings tells which models, of the providers that are served, nothing but the default price fits.
func (c *Config) PriceWarnings(served func(i int) bool) []string {
	var names []string
	for i, p := range c.Providers {
		if !served(i) {
			continue
		}
		for _, m := range p.Models {
			if c.PriceOf(p, m.Alias, m.Upstream).From == FromDefault {
				names = append(names, p.Name+"/"+m.Alias)
			}
		}
	}
	if names == nil {
		return nil
	}
	more := ""
	if n := len(names) - unpricedShown; n > 0 {
		names, more = names[:unpricedShown], fmt.Sprintf(" and %d more", n)
	}
	return []string{fmt.Sprintf("only the default price fits %s%s, %s and %s dollars per million tokens; give them an entry in model_price, or model_price a default",
		strings.Join(names, ", "), more, dollars(DefaultPrice.Input, pricePlaces), dollars(DefaultPrice.Output, pricePlaces))}
}
