#!/usr/bin/env python3
"""The gateway tried with the SDKs that people use: each client on each upstream, in each case.

    run.py BINARY                 everything; exits 1 unless the matrix is full
    run.py BINARY --direct        the SDKs against the mock itself, which checks mock and drivers
    run.py BINARY -k 'tool loop' --client chat --upstream gemini

`make test-sdk` installs what this needs and runs it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cases
from anthropic_client import Messages
from bedrock_client import Converse, Invoke
from cases import Place, cases_of
from conversation import PNG_BASE64, PNG_SEEN
from google_client import Gemini
from openai_clients import Chat, Responses
from servers import KEY, MODELS, start_gateway, start_mock

HERE = Path(__file__).resolve().parent
PYTHON = [Chat, Responses, Messages, Gemini]
# Without the gateway each client meets the one upstream that speaks its format.
SPOKEN = {"chat": "openai", "responses": "responses", "messages": "anthropic", "gemini": "gemini", "invoke": "bedrock", "converse": "bedrock"}


@dataclass
class Result:
    client: str
    inbound: str
    upstream: str
    case: str
    error: str | None  # none if it passed


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the uni-api to try")
    parser.add_argument("--direct", action="store_true", help="leave the gateway out")
    parser.add_argument("--node", type=Path, help="folder with node_modules; without it the Node clients are left out")
    parser.add_argument("--client", default="", help="only clients with this in their name")
    parser.add_argument("--upstream", default="", help="only this upstream")
    parser.add_argument("-k", dest="case", default="", help="only cases with this in their name")
    parser.add_argument("--verbose", action="store_true", help="show where a failure was raised")
    return parser.parse_args()


def run_python(client, upstream: str, args: argparse.Namespace) -> list[Result]:
    place = Place(client, upstream, MODELS[upstream] if args.direct else upstream, args.direct)
    results = []
    for name, case, stream in cases_of(client):
        if args.case not in name:
            continue
        try:
            case(place, stream)
            error = None
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
            if args.verbose:
                error += "\n" + traceback.format_exc()
        results.append(Result(client.name, client.inbound, upstream, name, error))
    return results


def node(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess:
    """Run the Node driver. Node looks for modules beside the file that imports them, so it is copied to where they are."""
    for file in (HERE / "node").glob("*.mjs"):
        shutil.copy(file, folder)
    return subprocess.run(["node", str(folder / "run.mjs"), *arguments], input=given, stdout=subprocess.PIPE, text=True, timeout=600)


def node_clients(folder: Path) -> list[str]:
    listed = node(folder, "--list")
    listed.check_returncode()
    return json.loads(listed.stdout)


def run_node(base: str, args: argparse.Namespace) -> list[Result]:
    usage = {"prompt": cases.PROMPT_TOKENS, "cached": cases.CACHED_TOKENS, "output": cases.OUTPUT_TOKENS}
    say = {"plain": cases.PLAIN, "thought": cases.THOUGHT, "long": cases.LONG, "system": cases.SYSTEM, "png": PNG_BASE64, "seen": PNG_SEEN, "usage": usage}
    given = {"base": base, "key": KEY, "models": MODELS, "say": say}
    given |= {name: getattr(args, name) for name in ("direct", "client", "upstream", "case", "verbose")}
    done = node(args.node, given=json.dumps(given))
    results = [Result(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0:
        results.append(Result("node", "node", "-", "the driver", f"it ended with exit code {done.returncode}"))
    return results


def matrix(results: list[Result], row_of: Callable[[Result], str]) -> None:
    rows = list(dict.fromkeys(map(row_of, results)))
    upstreams = list(dict.fromkeys(r.upstream for r in results))
    width = max(map(len, rows), default=0) + 2
    print(f"{'':{width}}" + "".join(f"{u:>12}" for u in upstreams))
    for row in rows:
        line = f"{row:{width}}"
        for upstream in upstreams:
            cell = [r.error is None for r in results if row_of(r) == row and r.upstream == upstream]
            line += f"{f'{sum(cell)}/{len(cell)}' if cell else '':>12}"
        print(line)
    print()


def show(results: list[Result]) -> bool:
    """Print inbound × upstream, client × upstream and what failed, and tell whether all passed."""
    matrix(results, lambda r: r.inbound)
    matrix(results, lambda r: r.client)
    failed = [r for r in results if r.error is not None]
    for r in failed:
        print(f"FAILED  {r.client} on {r.upstream}: {r.case}\n        " + r.error.replace("\n", "\n        ")[:2000] + "\n")
    print(f"{len(results) - len(failed)} of {len(results)} cases passed")
    return bool(results) and not failed


def main() -> int:
    args = arguments()
    if args.node and not shutil.which("node"):
        raise SystemExit("node is not on this machine; install it, or leave --node out to try the Python SDKs alone")
    binary = args.binary.resolve()
    kinds = PYTHON + ([Invoke, Converse] if args.direct else [])
    names = [k.name for k in kinds] + (node_clients(args.node) if args.node else [])
    servers = []
    with tempfile.TemporaryDirectory(prefix="uni-api-sdk-") as folder:
        try:
            servers.append(start_mock(binary, Path(folder)))
            if not args.direct:
                servers.append(start_gateway(binary, Path(folder), servers[0], names))
            base = servers[-1].base
            results = []
            for kind in kinds:
                if args.client not in kind.name:
                    continue
                client = kind(base, KEY)
                for upstream in [SPOKEN[kind.inbound]] if args.direct else MODELS:
                    if args.upstream in ("", upstream):
                        results += run_python(client, upstream, args)
            if args.node:
                results += run_node(base, args)
        finally:
            for server in reversed(servers):
                server.stop()
    return 0 if show(results) else 1


if __name__ == "__main__":
    sys.exit(main())
