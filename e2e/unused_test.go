package e2e

// unusedRows are the keys that are read and change nothing.
var unusedRows = []row{
	{section: "Top level", key: "video_providers", set: "{video_providers: [{provider: v, base_url: $B/v1, api: sk-v}]}"},
	{section: "providers[]", key: "notes", set: "{notes: {paid: by research}}"},
	{section: "providers[]", key: "_model_dict_cache", set: "{_model_dict_cache: {n: m}}"},
	{section: "providers[].preferences", key: "access_key", set: "{access_key: an-access-key}"},
	{section: "providers[].preferences", key: "secret_key", set: "{secret_key: a-secret-key}"},
	{section: "hedging", key: "winner_policy", set: "{hedging: {enabled: true, winner_policy: first_valid_success}}"},
	{section: "timeout_policy", key: "default.connect", set: "{timeout_policy: {default: {connect: 0.000001}}}"},
	{section: "timeout_policy", key: "default.write", set: "{timeout_policy: {default: {write: 0.000001}}}"},
	{section: "timeout_policy", key: "default.pool", set: "{timeout_policy: {default: {pool: 0.000001}}}"},
}
