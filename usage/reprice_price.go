package usage

import (
	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/config/price"
)

// bill is what there is to price in a time: the rows of requests, by series, and those of parts of them that cost
// otherwise.
type bill map[Name]Row

// billed are the columns that prices go by.
var billed = columnsOf(requests, promptTokens, cachedTokens, cacheWriteTokens, completionTokens, reasoningTokens, cost, plainRequests, freeRequests,
	hourWriteTokens, audioInputTokens, imageInputTokens, audioOutputTokens, imageOutputTokens, webSearches, fileSearches, imageCount, soundSeconds, spokenCharacters, codeCalls, documentSearches, mapAnswers)

func (b bill) with(n Name, row Row) bill {
	if b == nil {
		b = make(bill)
	}
	sum := b[n]
	sum.add(&row)
	b[n] = sum
	return b
}

// each visits the parts, and of the series of requests what is in none of them.
func (b bill) each(visit func(n Name, row *Row)) {
	rest := make(bill)
	for n, row := range b {
		if n.Kind == ofRequests {
			rest[n] = row
		}
	}
	for n, row := range b {
		if n.Kind != ofParts {
			continue
		}
		of, _, _ := n.ofRequests()
		all, has := rest[of]
		if !has {
			continue // what it is a part of is lost
		}
		for i := range all {
			all[i] = max(saturate.Sub(all[i], row[i]), 0)
		}
		rest[of] = all
		visit(n, &row)
	}
	for n, row := range rest {
		if row != (Row{}) {
			visit(n, &row)
		}
	}
}

// missing is one in how many requests of a row may be in none of its counts: the books do not take a request over from
// all its series at the same moment, so that a part of it may stand in the row of the next minute.
const missing = 50

// told says that the ledger knows of the row's requests what their price goes by.
func (r *Row) told() bool {
	off := r[requests] - r[plainRequests] - r[freeRequests]
	return r[requests] > 0 && max(off, -off) <= r[requests]/missing
}

// Why something was left out.
const (
	notKept      = "its price has parts that the ledger does not keep"
	notOneOnly   = "it is the cost of several attempts, or a fee"
	notApart     = "models that are not told apart"
	notOfTokens  = "its price is not of tokens"
	notKnown     = "nobody has said what it costs"
	notClassable = "too many kinds of requests were asked for at once"
)

// price is what the requests of a row cost by today's prices, and why it cannot be said, if it cannot: then it is what
// they cost. The row is of a time of some length.
func (p *repricing) price(n Name, r *Row, at, length int64) (nano int64, base bool, leftOut string) {
	was, of, known := r[cost], n, true
	c := plain
	if n.Kind == ofParts {
		of, c, known = n.ofRequests()
	}
	priced := priceBy(p.prices, of.Provider, of.Model)
	switch all := &priced.Price; {
	case of.Model == otherModels:
		return was, false, notApart
	case !known:
		return was, false, notClassable
	case priced.From == config.FromDefault && media(of.Endpoint):
		return was, false, notKnown
	case c.apart:
		return was, false, notOneOnly
	case n.Kind == ofParts, r.told():
		return p.exactly(all, &c, r, at, length)
	case !all.HasTokens() && all.HasUnits():
		return was, false, notOfTokens
	case r[promptTokens]|r[completionTokens] == 0:
		return was, false, ""
	default:
		return p.roughly(all, r, at, length)
	}
}

// exactly is price for requests of which all is known that a price may go by, but when in a time they were.
func (p *repricing) exactly(all *price.Price, c *circumstances, r *Row, at, length int64) (nano int64, base bool, leftOut string) {
	of, told := all.Throughout(c.over, c.upTo, c.service, at, at+length)
	if !told && !p.Inexact {
		return r[cost], true, notKept
	}
	t := c.tokens(r)
	paid := r[requests]
	if r[plainRequests] > 0 { // of the rest; what used nothing is not paid
		paid = r[plainRequests]
	}
	if t.free() {
		return r[cost], false, ""
	}
	is := costBy(of, &t)
	if each := of.Search(price.PerRequest, c.search); each > 0 {
		var more product
		more.add(max(paid-1, 0), each)
		is = more.with(is)
	}
	return unlessRounded(is, r), !told, ""
}

// roughly is price for requests of which the ledger has nothing but the tokens.
func (p *repricing) roughly(all *price.Price, r *Row, at, length int64) (nano int64, base bool, leftOut string) {
	hour, hasHour := all.Get(price.CacheWrite1h)
	of, told := all.During(at, at+length)
	base = all.More != nil && (!told || all.HasUnits() || hasHour && r[cacheWriteTokens] > 0 && hour != all.CacheWrite || mediaTokens(of))
	if base && !p.Inexact {
		return r[cost], true, notKept
	}
	bare := of.Base()
	is := costBy(&bare, &Tokens{Prompt: r[promptTokens], Cached: r[cachedTokens], CacheWrite: r[cacheWriteTokens], Completion: r[completionTokens], Reasoning: r[reasoningTokens]})
	return unlessRounded(is, r), base, ""
}

// unlessRounded is what a row costs, or what it has cost if that differs by no more than rounding each request by
// itself.
func unlessRounded(is int64, r *Row) int64 {
	if d := saturate.Sub(is, r[cost]); d <= r[requests] && -d <= r[requests] {
		return r[cost]
	}
	return is
}

func mediaTokens(p *price.Price) bool {
	for _, m := range [...]price.Member{price.AudioInput, price.AudioOutput, price.ImageInput, price.ImageOutput} {
		if _, has := p.Get(m); has {
			return true
		}
	}
	return false
}
