package server

// writeHeader finishes the request's header, which the channel has prepared but
// for what is the client's own.
func (x *exchange) writeHeader() {
	if provider := x.attempt.Provider.Config; len(provider.Preferences.PassthroughHeaders) > 0 {
		x.header = passHeaders(x.header, x.request.Header, &x.ctx.Request.Header, provider)
		x.request.Header = x.header
	}
}
