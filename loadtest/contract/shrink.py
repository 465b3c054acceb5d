"""Makes a failing request small: whatever can be left out without losing the kind of failure is left out."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trial import Finding, Runner, Trial, invalid

TRIES = 300


def smallest(runner: Runner, trial: Trial, finding: Finding) -> tuple[Trial, Finding]:
    tries = 0
    moving = True
    while moving and tries < TRIES:
        moving = False
        for smaller in steps(trial):
            tries += 1
            if tries > TRIES:
                break
            if still := holds(runner, smaller, finding.kind):
                trial, finding, moving = smaller, still, True
                break
    return trial, finding


def holds(runner: Runner, trial: Trial, kind: str) -> Finding | None:
    try:
        if invalid(trial.inbound, trial.body):
            return None
    except (KeyError, TypeError, IndexError, AttributeError):
        return None
    return next((f for f in runner.run(trial).findings if f.kind == kind), None)


def steps(trial: Trial) -> Iterator[Trial]:
    plain = replace(trial.script, thinking=False, picks=[], finish="stop", text=True)
    if plain != trial.script:
        yield replace(trial, script=plain)
    for body in sorted(smaller(trial.body), key=lambda b: len(json.dumps(b))):
        yield replace(trial, body=body)


def smaller(body: Any) -> Iterator[Any]:
    for path in places(body, ()):
        made = copy.deepcopy(body)
        at = made
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        yield made


def places(value: Any, path: tuple) -> Iterator[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, v in inner:
        yield path + (name,)
        yield from places(v, path + (name,))
