"""The mock and the gateway as processes on loopback, and the api.yaml between them."""

import hashlib
import json
import secrets
from pathlib import Path

from cases import FAILING, failing_model
from process import Server

# Model names that tell the generation: the gateway and the mock go by it.
MODELS = {
    "openai": "gpt-5-mini",
    "responses": "gpt-5-codex",
    "anthropic": "claude-sonnet-4-5-20250929",
    "gemini": "gemini-3-pro-preview",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
}
PATHS = {"openai": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages", "gemini": "/v1beta", "bedrock": ""}

# Keys are made up anew each time. The mock knows the secret key that belongs to an access key.
KEY = "sk-" + secrets.token_hex(12)
AWS_REGION = "us-east-1"
AWS_ACCESS_KEY = "AKIA" + secrets.token_hex(8).upper()
AWS_SECRET_KEY = hashlib.sha256(f"secret of {AWS_ACCESS_KEY}".encode()).hexdigest()[:40]


def provider(name: str, upstream: str, alias: str, mock: str) -> dict:
    entry: dict = {"provider": name, "base_url": mock + PATHS[upstream], "model": [{MODELS[upstream]: alias}]}
    if upstream == "bedrock":
        entry |= {"engine": "aws", "region": AWS_REGION, "aws_access_key": AWS_ACCESS_KEY, "aws_secret_key": AWS_SECRET_KEY}
    else:
        entry["api"] = "sk-upstream-" + secrets.token_hex(8)
    return entry


def config(mock: str, clients: list[str]) -> str:
    """An api.yaml (JSON is YAML) with a provider for each upstream, and one for each of its failures and each client."""
    providers = [provider(u, u, u, mock) for u in MODELS]
    for upstream in MODELS:
        for client in clients:
            for scene in FAILING:
                alias = failing_model(upstream, client, scene)
                providers.append(provider(alias, upstream, alias, mock))
    return json.dumps({"providers": providers, "api_keys": [{"api": KEY, "role": "sdk"}]}, indent=1)


def start_mock(binary: Path, folder: Path) -> Server:
    return Server("mock", folder, str(binary), "mock", "--formats", "--addr", "127.0.0.1:{port}")


def start_gateway(binary: Path, folder: Path, mock: Server, clients: list[str]) -> Server:
    file = folder / "api.yaml"
    file.write_text(config(mock.base, clients))
    return Server("gateway", folder, str(binary), "serve", "--config", str(file), "--listen", "127.0.0.1:{port}", "--data", str(folder / "data"))
