package server

import (
	"uniapi/codec"
	"uniapi/codec/search"
	"uniapi/pool/provider"
)

// searchFor has a service search.
func (a *attempt) searchFor(channel *provider.Channel, ask provider.Ask) error {
	if channel.Search == "" {
		return provider.ErrNoEndpoint
	}
	if err := a.holdRewriting(); err != nil {
		return err
	}
	q, err := search.DecodeRequest(a.body)
	if err != nil {
		return err
	}
	service, defaults := search.Service(channel.Search), a.chosen.Provider.Config.Preferences.SearchDefaults
	body, err := a.exchangeWhole(channel, ask, service.EncodeRequest(nil, q, defaults))
	if err != nil {
		return err
	}
	answer, err := service.DecodeResponse(body)
	if err != nil {
		a.answer.Usage.Add(codec.UsageIn(body))
		return err
	}
	a.part(answer.Usage, 0)
	room, err := a.roomFor(answer.Size())
	if err != nil {
		return err
	}
	a.answer.Body = a.Clean(answer.EncodeResponse(room)) // a service that repeats its key does so among what it found
	return nil
}
