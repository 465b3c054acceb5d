#!/usr/bin/env python3
"""The coding agents themselves before the strict upstreams: each runs a loop with its own shell on every provider, with nothing switched off.

    agents.py BINARY FOLDER                       FOLDER has node_modules with the agents
    agents.py BINARY FOLDER --agent codex --place gemini

`make test-agents` installs what this needs and runs it. A run is good if the agent ended well, said the last word, its shell was run and what
that printed came back to the provider, and no request of it was one that the provider refuses.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway import KEY, PLACES, Gateway, Place, alias
from talk import Ask, Call, Reply
from upstream import Upstream

SHELLS = {"Bash": "command", "run_shell_command": "command", "exec_command": "cmd", "shell_command": "command", "shell": "command"}
PATIENCE = 120  # seconds for a run
MOST_CALLS = 3  # an agent on a busy machine may report that its shell has not printed anything yet
END = "the loop has ended well"
# What an agent sends to its own vendor beyond what the vendor publishes. It passes as it came.
OWN = {("codex", "responses"): frozenset({"client_metadata: no member of ResponseCreateParams", "input[].id: no member of EasyInputMessageParam",
                                           "input[].content: null where array is expected"})}
OWN["codex", "openai"] = OWN["codex", "responses"]  # asked there in the same format


@dataclass
class Loop:
    """How an upstream answers an agent: its shell is called, and once what it printed has come back there is nothing left to do."""

    command: str
    word: str
    upstream: Upstream
    calls: int = 0

    def reply(self, ask: Ask) -> Reply:
        shell = next((t for t in ask.tools if t.name in SHELLS), None)
        if shell is None or self.calls == MOST_CALLS or self.came_back():
            return Reply("", END)
        self.calls += 1
        return Reply("thought of it", "Let me look.", [Call(f"call_shell_{self.calls}", shell.name, arguments(shell.name, shell.schema, self.command))], "calls")

    def came_back(self) -> bool:
        return any(self.word in seen.raw for seen in self.upstream.seen)


def arguments(name: str, schema: Any, command: str) -> dict:
    """What the shell takes: its own member for the command, and some text for whatever else it wants."""
    member = SHELLS[name]
    properties = (schema or {}).get("properties", {})
    listed = properties.get(member, {}).get("type") == "array"
    given: dict[str, Any] = {member: ["bash", "-c", command] if listed else command}
    for other in (schema or {}).get("required", []):
        given.setdefault(other, "to see what it says")
    return given


@dataclass
class Agent:
    name: str
    door: str  # the format that it speaks

    def command(self, bin: Path, model: str, home: Path, port: int) -> tuple[list[str], dict[str, str]]:
        return getattr(self, self.name.replace("-", "_"))(bin, model, home, f"http://127.0.0.1:{port}")

    def claude_code(self, bin: Path, model: str, home: Path, base: str) -> tuple[list[str], dict[str, str]]:
        return ([bin / "claude", "--print", "--dangerously-skip-permissions", "--model", model, "What does secret.txt say?"],
                {"ANTHROPIC_BASE_URL": base, "ANTHROPIC_AUTH_TOKEN": KEY, "ANTHROPIC_DEFAULT_HAIKU_MODEL": model, "IS_SANDBOX": "1"})

    def codex(self, bin: Path, model: str, home: Path, base: str) -> tuple[list[str], dict[str, str]]:
        (home / "codex").mkdir()
        (home / "codex" / "config.toml").write_text(
            f'model = "{model}"\nmodel_provider = "gateway"\n[model_providers.gateway]\nname = "gateway"\nbase_url = "{base}/v1"\nenv_key = "GATEWAY_KEY"\nwire_api = "responses"\n')
        return ([bin / "codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "What does secret.txt say?"],
                {"CODEX_HOME": str(home / "codex"), "GATEWAY_KEY": KEY})

    def gemini_cli(self, bin: Path, model: str, home: Path, base: str) -> tuple[list[str], dict[str, str]]:
        (home / ".gemini").mkdir()
        (home / ".gemini" / "settings.json").write_text(json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}}))
        return ([bin / "gemini", "--yolo", "--skip-trust", "--model", model, "--prompt", "What does secret.txt say?"],
                {"GOOGLE_GEMINI_BASE_URL": base, "GEMINI_API_KEY": KEY, "GEMINI_CLI_TRUST_WORKSPACE": "true"})


AGENTS = (Agent("claude-code", "messages"), Agent("codex", "responses"), Agent("gemini-cli", "gemini"))


@dataclass
class Run:
    agent: str
    place: str
    model: str
    faults: list[str] = field(default_factory=list)
    said: str = ""

    def line(self) -> str:
        return f"{'ok  ' if not self.faults else 'FAIL'} {self.agent} on {self.place} ({self.model})"


def known() -> frozenset[str]:
    """Kinds that are listed for `make test-contract` already, which tells when they have gone."""
    lines = (Path(__file__).resolve().parent / "known.txt").read_text().splitlines()
    return frozenset(line.partition("  #")[0].partition(": ")[2] for line in lines if line.startswith("to "))


def environment(home: Path, more: dict[str, str]) -> dict[str, str]:
    """Nothing of who runs this: an agent that finds another key or another address would not be judged by ours."""
    kept = {n: v for n, v in os.environ.items() if n in ("PATH", "LANG", "TMPDIR", "NODE_EXTRA_CA_CERTS")}
    return kept | {"HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"} | more


def run(agent: Agent, place: Place, number: int, bin: Path, gateway: Gateway, upstream: Upstream) -> Run:
    done = Run(agent.name, place.name, place.models[number])
    word = "w" + secrets.token_hex(6)
    with tempfile.TemporaryDirectory() as folder:
        home, work = Path(folder, "home"), Path(folder, "work")
        home.mkdir(), work.mkdir()
        (work / "secret.txt").write_text(word)
        upstream.seen, upstream.script = [], Loop("cat secret.txt", word, upstream)
        upstream.forgiven = known() | OWN.get((agent.name, place.name), frozenset())
        command, more = agent.command(bin, alias(place, number), home, gateway.port)
        try:
            ended = subprocess.run([str(c) for c in command], cwd=work, env=environment(home, more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
            done.said, code = ended.stdout + ended.stderr, ended.returncode
        except subprocess.TimeoutExpired as late:
            done.said, code = str(late.stdout) + str(late.stderr), f"none within {PATIENCE} s"
    judge(done, code, upstream)
    return done


def judge(done: Run, code: Any, upstream: Upstream) -> None:
    for seen in upstream.seen:
        done.faults += [f"{seen.form} refuses {f.path}: {f.what}" for f in seen.faults]
    if code != 0:
        done.faults.append(f"it ended with {code}")
    if not upstream.script.calls:
        done.faults.append("its shell was offered to the provider in no request")
    elif not upstream.script.came_back():
        done.faults.append("what its shell printed did not come back to the provider")
    if END not in done.said:
        done.faults.append("it did not say what the provider said at the end")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", type=Path)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--agent", help="only this one")
    arguments.add_argument("--place", help="only this provider")
    arguments.add_argument("--all-models", action="store_true", help="every model of a provider, not the last alone")
    arguments.add_argument("--verbose", action="store_true", help="what the agents said, also where all went well")
    given = arguments.parse_args()
    upstream, began = Upstream(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(given.binary.resolve(), Path(folder), upstream.base)
        runs = []
        for agent in AGENTS:
            for place in PLACES:
                if given.agent not in (None, agent.name) or given.place not in (None, place.name) or place.dialect or place.name.endswith("-told"):
                    continue
                for number in range(len(place.models)) if given.all_models else [len(place.models) - 1]:
                    done = run(agent, place, number, given.folder.resolve() / "node_modules" / ".bin", gateway, upstream)
                    runs.append(done)
                    print(done.line(), flush=True)
                    for fault in sorted(set(done.faults)):
                        print("    " + fault[:600])
                    if done.faults or given.verbose:
                        print("    it said: " + json.dumps(done.said[-1500:]), flush=True)
        if any(r.faults for r in runs):
            print(gateway.log.read_text()[-3000:])
        gateway.stop()
    upstream.stop()
    failed = sum(bool(r.faults) for r in runs)
    print(f"{len(runs) - failed} passed, {failed} failed, in {time.monotonic() - began:.0f} s")
    return 1 if failed or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
