package pricelist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// What a fetch may take.
const (
	fetchTime     = time.Minute
	mostRedirects = 5
)

// client is seldom used, so it keeps no connections. An operator names the address, as that of the configuration: it
// may be of the own network.
var client = &http.Client{
	Timeout: fetchTime,
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: fetchTime, ForceAttemptHTTP2: true, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	},
	CheckRedirect: func(next *http.Request, before []*http.Request) error {
		if len(before) > mostRedirects {
			return fmt.Errorf("it redirects more than %d times", mostRedirects)
		}
		if next.URL.Scheme != "https" || before[0].URL.Scheme != "https" {
			return errors.New("it redirects by or to an address that is not https")
		}
		next.Header.Del("Referer") // the address may hold a secret
		return nil
	},
}

// fetch gets what is at an address. No error has it in its words.
func fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("it is no valid address")
	}
	req.Header.Set("User-Agent", "uni-api")
	resp, err := client.Do(req)
	if err != nil {
		if e, is := errors.AsType[*url.Error](err); is {
			err = e.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return readAll(resp.Body)
}
