package provider

import (
	"net/url"
	"strings"

	"uniapi/config"
)

// makersByHost are OpenTelemetry's names for those that speak OpenAI's format.
var makersByHost = map[string]string{
	"deepseek.com": "deepseek", "groq.com": "groq", "mistral.ai": "mistral_ai", "perplexity.ai": "perplexity", "x.ai": "x_ai", "moonshot.cn": "moonshot_ai", "moonshot.ai": "moonshot_ai",
}

// makersByEngine are those for the others.
var makersByEngine = map[Engine]string{
	EngineClaude: "anthropic", EngineGemini: "gcp.gemini", EngineVertex: "gcp.vertex_ai", EngineAzure: "azure.ai.openai",
	EngineAWS: "aws.bedrock", EngineGPT: "openai", EngineResponses: "openai", EngineDatabricks: "databricks",
}

// MakerOf is what OpenTelemetry calls who is behind a provider; of whom nothing but the format is known it is that of
// the format.
func MakerOf(p *config.Provider) string {
	engine, err := DetectEngine(p)
	if err != nil {
		return p.Name
	}
	if u, err := url.Parse(p.BaseURL); err == nil && (engine == EngineGPT || engine == EngineResponses) {
		host := strings.ToLower(u.Hostname())
		for domain, maker := range makersByHost {
			if host == domain || strings.HasSuffix(host, "."+domain) {
				return maker
			}
		}
	}
	if maker, is := makersByEngine[engine]; is {
		return maker
	}
	return string(engine)
}
