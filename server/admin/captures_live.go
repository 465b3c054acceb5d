package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"uniapi/server/capture"
)

// askAgain is how often a gateway is asked whether a capture is there.
const askAgain = 500 * time.Millisecond

// CaptureLive has a running gateway capture the next exchange of a client key, asked with an admin key. told is called
// with the aliases of the key once the gateway waits for it.
func CaptureLive(ctx context.Context, base, admin, key string, within time.Duration, told func(aliases []string)) (*capture.File, error) {
	g := liveGateway{strings.TrimRight(base, "/") + "/v1/captures", admin}
	wish, err := json.Marshal(map[string]any{"key": key, "seconds": within.Seconds()})
	if err != nil {
		return nil, err
	}
	var state CaptureState
	status, body, err := g.ask(ctx, http.MethodPost, "", wish)
	if err != nil {
		return nil, err
	}
	if status != http.StatusAccepted || json.Unmarshal(body, &state) != nil {
		return nil, fmt.Errorf("the gateway answered %d, and no capture", status)
	}
	told(state.Keys)
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-again.C:
		}
		if status, body, err = g.ask(ctx, http.MethodGet, "?id="+url.QueryEscape(state.ID), nil); err != nil {
			return nil, err
		}
		if status == http.StatusOK {
			return capture.Read(body)
		}
	}
}

// liveGateway is one that runs, asked at an address with an admin key.
type liveGateway struct{ url, key string }

// ask returns an answer that is no failure.
func (g liveGateway) ask(ctx context.Context, method, query string, body []byte) (status int, answer []byte, err error) {
	ctx, end := context.WithTimeout(ctx, 15*time.Second)
	defer end()
	request, err := http.NewRequestWithContext(ctx, method, g.url+query, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("--url: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+g.key)
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("asking the gateway: %w", errorWithoutURL(err))
	}
	defer got.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(got.Body, 64<<20)); err != nil {
		return 0, nil, fmt.Errorf("asking the gateway: %w", err)
	}
	if got.StatusCode < 300 {
		return got.StatusCode, answer, nil
	}
	var said struct{ Error struct{ Message string } }
	if json.Unmarshal(answer, &said); got.StatusCode == http.StatusUnauthorized || got.StatusCode == http.StatusForbidden {
		return 0, nil, fmt.Errorf("the gateway answered %s: it needs an admin key, in --admin-key or in the environment's UNI_API_ADMIN_KEY", got.Status)
	}
	return 0, nil, fmt.Errorf("the gateway answered %s: %s", got.Status, said.Error.Message)
}
