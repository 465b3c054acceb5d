#!/usr/bin/env python3
"""The gateway held to what vendors publish of their formats: requests of every kind to every provider, and what comes back.

    run.py BINARY                 500 requests with a fixed seed, after the golden ones
    run.py BINARY --long          10,000
    run.py BINARY --requests 50 --inbound chat --place gemini
    run.py BINARY --keep          new kinds are shrunk and kept in golden/
    run.py BINARY --forget        known.txt loses the lines of kinds that have gone

It fails on a kind of violation that known.txt does not list, and on one that is listed and has gone.
`make test-contract` installs what this needs and runs it.
"""

import argparse
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import honest
import shrink
from gateway import Gateway
from trial import INBOUND, Finding, Runner, Trial, trials
from upstream import Upstream

HERE = Path(__file__).resolve().parent
TELL_EVERY = 30  # seconds: 10,000 requests are 130,000 trials, which take minutes on an idle machine and longer on a busy one
GOLDEN, KNOWN = HERE / "golden", HERE / "known.txt"


@dataclass
class Result:
    asked: int = 0
    counts: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)
    examples: dict[str, tuple[Trial, Finding]] = field(default_factory=dict)  # the smallest of each kind

    def take(self, trial: Trial, findings: list[Finding], refused: str) -> None:
        self.asked += 1
        if refused:
            self.refused[f"{trial.inbound} to {trial.place}: {said_by_us(refused)}"] += 1
        for finding in findings:
            self.counts[finding.kind] += 1
            self.keep(finding.kind, trial, finding)

    def keep(self, kind: str, trial: Trial, finding: Finding) -> None:
        if kind not in self.examples or size(trial) < size(self.examples[kind][0]):
            self.examples[kind] = (trial, finding)

    def add(self, other: "Result") -> None:
        self.asked += other.asked
        self.counts += other.counts
        self.refused += other.refused
        for kind, (trial, finding) in other.examples.items():
            self.keep(kind, trial, finding)


def size(trial: Trial) -> int:
    return len(json.dumps(trial.body))


def said_by_us(raw: str) -> str:
    try:
        said = str(json.loads(raw)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = raw
    return re.sub(r"'[^']*'", "'…'", said)[:150]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the uni-api to try")
    parser.add_argument("--long", action="store_true", help="10,000 requests")
    parser.add_argument("--requests", type=int, default=0, help="as many as this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inbound", default="", help="only clients of this format")
    parser.add_argument("--place", default="", help="only this provider")
    parser.add_argument("--keep", action="store_true", help="shrink new kinds and keep them as golden requests")
    parser.add_argument("--forget", action="store_true", help="take the lines of kinds that have gone out of known.txt")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    parser.add_argument("--report", type=Path, help="write every kind with its smallest request to this file")
    return parser.parse_args()


def golden() -> list[tuple[Path, Trial]]:
    return [(f, Trial.of(json.loads(f.read_text())["trial"])) for f in sorted(GOLDEN.glob("*.json"))]


def chosen(trial: Trial, args: argparse.Namespace) -> bool:
    return args.place in ("", trial.place) and args.inbound in ("", trial.inbound)


def wanted(args: argparse.Namespace, job: int) -> list[tuple[str, int]]:
    """The share of the requests that this job makes: inbound and number."""
    total = args.requests or (10_000 if args.long else 500)
    names = [n for n in INBOUND if args.inbound in ("", n)]
    return [(names[i % len(names)], i) for i in range(total) if i % args.jobs == job]


class Bench:
    """A gateway with its upstreams."""

    def __enter__(self) -> Runner:
        self.folder = tempfile.TemporaryDirectory(prefix="uni-api-contract-")
        self.upstream = Upstream()
        try:
            self.gateway = Gateway(self.binary, Path(self.folder.name), self.upstream.base)
        except BaseException:
            self.upstream.stop()
            raise
        return Runner(self.gateway, self.upstream)

    def __init__(self, binary: Path):
        self.binary = binary.resolve()

    def __exit__(self, *args: object) -> None:
        self.gateway.stop()
        self.upstream.stop()
        self.folder.cleanup()


def work(args: argparse.Namespace, job: int) -> Result:
    result = Result()
    with Bench(args.binary) as runner:
        for _, trial in golden()[job :: args.jobs]:
            if chosen(trial, args):
                outcome = runner.run(trial)
                result.take(trial, outcome.findings, outcome.refused)
        mine, told = wanted(args, job), time.monotonic()
        for at, (inbound, number) in enumerate(mine):
            if job == 0 and time.monotonic() - told > TELL_EVERY:
                print(f"{100 * at // len(mine)} % of the requests, {sum(result.counts.values())} violations so far", file=sys.stderr, flush=True)
                told = time.monotonic()
            for trial in trials(inbound, args.seed, number):
                if chosen(trial, args):
                    outcome = runner.run(trial)
                    result.take(trial, outcome.findings, outcome.refused)
    return result


def listed() -> dict[str, str]:
    """The kinds that are known, and what each is."""
    lines = [line for line in KNOWN.read_text().splitlines() if line and not line.startswith("#")] if KNOWN.exists() else []
    return {kind.strip(): what.strip() for kind, _, what in (line.partition("  # ") for line in lines)}


def forget(gone: list[str]) -> None:
    kept = [line for line in KNOWN.read_text().splitlines() if line.partition("  # ")[0].strip() not in gone]
    KNOWN.write_text("\n".join(kept) + "\n")


def shrunk(args: argparse.Namespace, result: Result, kinds: list[str]) -> None:
    """Make the examples of these kinds as small as they get."""
    with Bench(args.binary) as runner:
        for kind in kinds:
            result.examples[kind] = shrink.smallest(runner, *result.examples[kind])


def keep(result: Result, kinds: list[str]) -> None:
    GOLDEN.mkdir(exist_ok=True)
    numbers = [int(f.stem) for f in GOLDEN.glob("*.json")]
    for number, kind in enumerate(kinds, max(numbers, default=0) + 1):
        lines = [f'"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in result.examples[kind][0].json().items()]
        (GOLDEN / f"{number:03}.json").write_text(f'{{"was": {json.dumps(kind, ensure_ascii=False)}, "trial": {{\n ' + ",\n ".join(lines) + "}}\n")


def show(result: Result, kinds: list[str], title: str, out) -> None:
    print(f"\n== {title}: {len(kinds)}", file=out)
    for kind in kinds:
        trial, finding = result.examples[kind]
        print(f"\n{kind}\n    {result.counts[kind]} times; {trial.inbound} to {trial.place} model {trial.model}; {finding.said[:300]}", file=out)
        print(f"    asked {json.dumps(trial.body, ensure_ascii=False)[:1200]}\n    script {trial.script}\n    sent  {finding.sent[:1200]}", file=out)


def main() -> int:
    args = arguments()
    if told := honest.inventions():
        raise SystemExit("the upstreams say what no type of their vendor's knows:\n" + "\n".join(told))
    began = time.monotonic()
    with multiprocessing.Pool(args.jobs) as pool:
        results = pool.starmap(work, [(args, job) for job in range(args.jobs)])
    result = results[0]
    for other in results[1:]:
        result.add(other)
    known = listed()
    new = sorted(set(result.counts) - set(known), key=lambda k: -result.counts[k])
    gone = [] if args.place or args.inbound else sorted(set(known) - set(result.counts))
    if args.keep:
        shrunk(args, result, new)
        keep(result, new)
    with args.report.open("w") if args.report else open(os.devnull, "w") as out:
        show(result, sorted(result.counts), "violations", out)
        print("\n== refused by the gateway itself", *(f"{n:6} {m}" for m, n in result.refused.most_common()), sep="\n", file=out)
    if args.forget:
        forget(gone)
        gone = []
    show(result, new, "violations that known.txt does not list", sys.stdout)
    if gone:
        print("\n== listed in known.txt, and gone: take these lines out", *gone, sep="\n")
    print(f"\n{result.asked} trials in {time.monotonic() - began:.0f} s: {len(result.counts)} kinds of violations, {len(new)} of them new, {len(gone)} gone; "
          f"{sum(result.refused.values())} refused by the gateway")
    return 1 if new or gone else 0


if __name__ == "__main__":
    sys.exit(main())
