"""The gateway as a process before the strict upstreams, and a client of it."""

import http.client
import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "sdk"))
from process import Server  # noqa: E402  found by the line before

KEY = "sk-" + secrets.token_hex(12)


@dataclass(frozen=True)
class Place:
    """A provider as the gateway is told of it: its name, its entry of api.yaml without address and models, and models of several generations."""

    name: str
    entry: dict
    models: tuple[str, ...]
    dialect: bool = False  # a host that speaks chat with quirks of its own, which agents are not tried with
    inbound: str = ""  # only clients of this format are sent here


def known_host(address: str) -> dict:
    """A provider at its own address. The upstreams are its proxy, so nothing leaves this machine."""
    return {"base_url": address, "api": "sk-upstream", "preferences": {"proxy": "{base}"}}


OPENAI_MODELS = ("gpt-4.1", "gpt-5", "gpt-5.1", "o3", "gpt-6-luna", "gpt-6.1-sol")
CLAUDE_MODELS = ("claude-sonnet-4-5", "claude-opus-4-8", "claude-opus-5-5", "claude-haiku-4-5")
GEMINI_MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro-preview", "gemini-2.0-flash")
AWS = {"engine": "aws", "aws_access_key": "AKIA0000000000000000", "aws_secret_key": "secret", "region": "us-east-1"}

PLACES = (
    Place("openai", known_host("http://api.openai.com/v1/chat/completions"), OPENAI_MODELS),
    Place("relay", {"base_url": "{base}/v1/chat/completions", "api": "sk-upstream"}, ("llama-3.3-70b", "qwen3-coder")),
    Place("responses", known_host("http://api.openai.com/v1/responses"), (*OPENAI_MODELS, "gpt-5-codex")),
    Place("anthropic", known_host("http://api.anthropic.com/v1/messages"), CLAUDE_MODELS),
    Place("gemini", known_host("http://generativelanguage.googleapis.com/v1beta"), GEMINI_MODELS),
    Place("vertex", {"base_url": "{base}/google-vertex-ai", "engine": "vertex", "api": "AQ.upstream", "project_id": "p"}, GEMINI_MODELS),
    Place("converse", {"base_url": "{base}"} | AWS, ("amazon.nova-pro-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0", "mistral.mistral-large-2407-v1:0", "openai.gpt-oss-120b-1:0")),
    Place("invoke", {"base_url": "{base}"} | AWS, ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-8")),
    Place("groq", known_host("http://api.groq.com/openai/v1/chat/completions"), ("openai/gpt-oss-120b", "llama-3.3-70b-versatile"), True),
    Place("cerebras", known_host("http://api.cerebras.ai/v1/chat/completions"), ("gpt-oss-120b", "llama3.3-70b"), True),
    Place("mistral", known_host("http://api.mistral.ai/v1/chat/completions"), ("mistral-large-latest", "magistral-medium-latest"), True),
    Place("cohere", known_host("http://api.cohere.com/v2/chat"), ("command-a-03-2025", "command-a-reasoning-08-2025")),
)


# What an operator sets in every request of a provider: requests that are not translated, and changed all the same.
TOLD = {
    "openai": ("chat", {"seed": 7, "max_completion_tokens": 64, "metadata": {"team": "a"}}),
    "responses": ("responses", {"max_output_tokens": 64, "metadata": {"team": "a"}}),
    "anthropic": ("messages", {"max_tokens": 2048, "metadata": {"user_id": "operator"}}),
    "gemini": ("gemini", {"generationConfig": {"maxOutputTokens": 64}}),
}


def told(place: Place) -> Place:
    """The place with fields that its operator sets."""
    inbound, fields = TOLD[place.name]
    entry = json.loads(json.dumps(place.entry))
    entry["preferences"]["post_body_parameter_overrides"] = fields
    return Place(place.name + "-told", entry, place.models[:3], inbound=inbound)


PLACES += tuple(told(p) for p in PLACES if p.name in TOLD)


def alias(place: Place, number: int) -> str:
    return f"{place.name}.{number}"


def provider(place: Place, base: str) -> dict:
    entry = json.loads(json.dumps(place.entry).replace("{base}", base))
    return entry | {"provider": place.name, "model": [{m: alias(place, i)} for i, m in enumerate(place.models)]}


def config(base: str) -> str:
    """An api.yaml (JSON is YAML). Nothing is asked twice: each refusal is to be seen."""
    key = {"api": KEY, "model": ["all"], "preferences": {"AUTO_RETRY": False}}
    return json.dumps({"providers": [provider(p, base) for p in PLACES], "api_keys": [key]}, indent=1)


class Gateway(Server):
    def __init__(self, binary: Path, folder: Path, base: str):
        file = folder / "api.yaml"
        file.write_text(config(base))
        super().__init__("gateway", folder, str(binary), "serve", "--config", str(file), "--listen", "127.0.0.1:{port}", "--data", str(folder / "data"))
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, path: str, body: dict, headers: dict[str, str]) -> tuple[int, str, bytes]:
        sent = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"} | headers
        try:
            self.connection.request("POST", path, json.dumps(body), sent)
            answer = self.connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        except (http.client.HTTPException, OSError) as broken:
            self.connection.close()
            return 0, "", repr(broken).encode()


def events_of(raw: bytes) -> list[tuple[str, Any]]:
    """The named events of a stream; data that is no JSON stays text."""
    events = []
    for block in raw.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        data = "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
        name = next((line[6:].strip() for line in lines if line.startswith("event:")), "")
        if data:
            events.append((name, data if data == "[DONE]" else json.loads(data)))
    return events
