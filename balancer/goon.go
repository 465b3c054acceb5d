package balancer

// GoOn has a plan whose attempt was served, and then broke off, give attempts again: one at each channel that the
// request was not sent to, as far as AUTO_RETRY of the client key goes.
func (p *Plan) GoOn() {
	p.left = p.route.leaves - p.Tried()
	if retry := p.key.Config.Preferences.AutoRetry; retry >= 0 {
		p.left = min(p.left, 1+retry-p.number)
	}
	p.same, p.once = 0, true
}
