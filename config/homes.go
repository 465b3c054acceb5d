package config

import (
	"fmt"
	"slices"
	"strings"
)

// homes are the levels of the file at which a key is known, as a message names them.
var homes = map[string][]string{}

func init() { // since the tables lead back here
	settle(rootFields, "at the top of the file")
	settle(preferenceFields, "in the preferences of the file")
	settle(providerFields, "in a provider")
	settle(providerPreferenceFields, "in the preferences of a provider")
	settle(apiKeyFields, "in an entry of api_keys")
	settle(keyPreferenceFields, "in the preferences of an entry of api_keys")
}

func settle[T any](fields []field[T], level string) {
	for i := range fields {
		homes[fields[i].key] = append(homes[fields[i].key], level)
	}
}

// serveFlags are flags of `uni-api serve` as somebody might write them into the file.
var serveFlags = []string{
	"listen", "metrics_listen", "data", "retention", "debug", "log_bodies", "max_body", "max_connections", "max_in_flight", "request_memory",
	"drain_timeout", "drain_grace", "reuse_port", "trusted_proxies", "proxy_protocol", "tls_cert", "tls_key", "strict",
}

// belongs is a clause that says where a key belongs which a level does not know, or what it may be meant to be; empty
// if nobody knows.
func belongs(key string, known []string) string {
	if levels := homes[key]; len(levels) > 0 {
		return ": it belongs " + strings.Join(levels, ", or ")
	}
	if flag := strings.ReplaceAll(strings.ToLower(key), "-", "_"); slices.Contains(serveFlags, flag) {
		return fmt.Sprintf(": it is a flag, --%s of uni-api serve", strings.ReplaceAll(flag, "_", "-"))
	}
	return didYouMean(key, known)
}
