package balancer

import (
	"slices"

	"uniapi/balancer/limit"
)

// Left is what the quotas of one of a provider's keys have left for a model, by its upstream name.
func (p *Provider) Left(key int, upstream string) []limit.Left {
	if p.ring.limits == nil {
		return nil
	}
	return p.ring.limits[key].Left(upstream, p.ring.now())
}

// held is what an attempt under way holds of the quotas of its provider's key.
type held struct {
	number int // of the attempt
	hold   limit.Hold
}

// Settle ends what an attempt holds of quotas, with what it came to, where that is known before the attempt is reported
// to have ended. Of one that has been settled nothing more is counted.
func (p *Plan) Settle(a Attempt, came limit.Need) {
	if i := p.heldBy(a); i >= 0 {
		p.holds[i].hold.Settle(came, p.key.state.now())
		p.holds = slices.Delete(p.holds, i, i+1)
	}
}

// unhold gives back what an attempt holds that was not made.
func (p *Plan) unhold(a Attempt) {
	if i := p.heldBy(a); i >= 0 {
		p.holds[i].hold.Cancel(p.key.state.now())
		p.holds = slices.Delete(p.holds, i, i+1)
	}
}

func (p *Plan) heldBy(a Attempt) int {
	return slices.IndexFunc(p.holds, func(h held) bool { return h.number == a.Number })
}

// End ends what the request still holds of quotas when it is over, whatever became of it. What it came to is counted
// for the client key that was gone through last in the place of a channel.
func (p *Plan) End(came limit.Need) {
	for i := range p.holds {
		p.holds[i].hold.Settle(limit.Need{}, p.key.state.now())
	}
	for i := range p.vias {
		if i < len(p.vias)-1 {
			p.vias[i].Cancel(p.key.state.now())
		} else {
			p.vias[i].Settle(came, p.key.state.now())
		}
	}
	p.holds, p.vias = p.holds[:0], p.vias[:0]
}
