package server

import (
	"cmp"
	"errors"

	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/saturate"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/relay"
	"uniapi/usage"
)

// charge puts an attempt that has failed after its provider had answered on the
// bill: what the provider told of its usage, also of the parts that it was asked
// for one by one; and where it did not tell, an estimate, if it was this gateway or
// the client that had no use for the answer. An answer that says nothing is charged
// if it tells what it cost; one that the provider broke off before anybody had any
// of it, or that is an error, is not.
func (x *exchange) charge(err error, told *codec.Error) {
	x.at.charged = true
	if !x.at.answered || x.endpoint == provider.CountTokens {
		return
	}
	u := x.at.ToldUsage()
	switch unused := x.at.unused(err) || x.at.parted; {
	case u.Complete() && (unused || declines(told)):
	case unused:
		x.at.fill(&u, reachedSome)
	default:
		return
	}
	x.spend(u)
}

// spend puts what an attempt has used that is over on the bill.
func (x *exchange) spend(u codec.Usage) {
	x.spent.Add(u)
	all := usage.Booked(u)
	x.paid = saturate.Add(x.paid, x.cost(&all, cmp.Or(u.Tier, x.at.tier))) // by the prices of where it was made
}

// declines says of an error that it was we who took the provider's answer for none.
func declines(told *codec.Error) bool {
	return told.InAnswer && told.Class == codec.Semantic && told.Raw == nil
}

// unused says of an error that nothing was wrong with the answer: the client left,
// the time was over, there was no room, or it could not be made what the client
// wants.
func (a *attempt) unused(err error) bool {
	if e, is := errors.AsType[*pool.Error](err); is {
		return a.call.Canceled() || e.Kind == pool.Canceled || e.Kind == pool.Overdue || e.Kind == pool.TooLarge
	}
	if _, is := errors.AsType[*budget.Refused](err); is {
		return true
	}
	_, said := errors.AsType[*codec.Error](err)
	_, theirs := errors.AsType[*upstreamError](err)
	return a.call.Canceled() || !said && !theirs
}

// part notes a part of an answer that came in several: what it cost, and about how
// many tokens it is if that was not told.
func (a *attempt) part(u codec.Usage, said int64) {
	a.answer.Usage.Add(u)
	a.answer.Said += said
	a.parted = true
}

// cut notes what has come of a stream that was to be put together and had come well so far.
func (a *attempt) cut(came *relay.Cut) {
	u := came.Usage
	if u.Prompt == 0 {
		u.Gaps |= codec.NoPrompt
	}
	u.Gaps |= codec.NoCompletion // it counts what has been said so far, or nothing
	a.answer.Usage, a.answer.Said = u, max(estimate.Text(came.Said), 1)
}

// came is what quotas count of the attempts that are over.
func (x *exchange) came() limit.Need {
	all := usage.Booked(x.spent)
	return limit.Need{Tokens: all.Sum(), Money: x.paid}
}
