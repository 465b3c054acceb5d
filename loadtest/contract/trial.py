"""One request through the gateway to one provider: plain, streamed, and a second turn that sends the answer back; and all that is wrong with it."""

import base64
import json
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import chat
import dialects
import gemini
import messages
import responses
import rules
from gateway import PLACES, Gateway, Place, alias, events_of
from sample import Sampler
from shapes import Fault
from talk import Ask, Reply, Script
from upstream import Seen, Upstream

INBOUND = {m.NAME: m for m in (chat, responses, messages, gemini)}
SIGNATURES = (gemini.TEXT_SIGNATURE, dialects.SIGNATURE)
MEDIA = ("data", "url", "file_data", "image_url")
OWN_RULES = {"chat": "openai-chat", "responses": "openai-responses", "messages": "messages", "gemini": "gemini"}


@dataclass
class Trial:
    inbound: str
    place: str
    model: int
    script: Script
    body: dict

    def json(self) -> dict:
        return asdict(self)

    @staticmethod
    def of(made: dict) -> "Trial":
        return Trial(**made | {"script": Script(**made["script"])})


@dataclass
class Finding:
    kind: str
    said: str  # the whole of what was found
    sent: str  # what the provider got


@dataclass
class Outcome:
    findings: list[Finding]
    refused: str = ""  # what the gateway itself said


def place_of(name: str) -> Place:
    return next(p for p in PLACES if p.name == name)


def kept(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each piece of content that must reach the provider, with where it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from kept(inner, f"{path}.{name}{tag(inner)}")
    elif isinstance(value, list):
        for inner in value:
            yield from kept(inner, path + "[]" + tag(inner))
    elif isinstance(value, str):
        yield from ((path, w) for w in re.findall(r"keep\d+x", value))
        if path.rpartition(".")[2] in MEDIA and "redacted" not in path:
            yield from ((path, w) for w in re.findall(r"^(?:data:[^,]*,)?([A-Za-z0-9+/]{24,}=*)$", value))


def unpacked(raw: str) -> str:
    """What stands in the request in base64: text may go as a file."""
    out = ""
    for packed in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", raw):
        if b"keep" in (plain := base64.b64decode(packed[: len(packed) // 4 * 4])):
            out += plain.decode(errors="replace")
    return out


def tag(value: Any) -> str:
    """How a block calls itself, so that a path says what was lost."""
    if not isinstance(value, dict):
        return ""
    return "".join(f"<{value[n]}>" for n in ("role", "type") if isinstance(value.get(n), str) and n + value[n] != "typemessage")


def invalid(inbound: str, body: dict) -> list[Fault]:
    """What is wrong with a client's own request: only sound ones are tried, and shrinking keeps them so."""
    module = INBOUND[inbound]
    full = body if inbound == "gemini" else body | {"model": "any"}
    found = module.request_shape(False).faults(full, "")
    return [f for f in found if not module.known(f)] or rules.broken(OWN_RULES[inbound], "", full)


class Runner:
    def __init__(self, gateway: Gateway, upstream: Upstream):
        self.gateway, self.upstream = gateway, upstream
        self.ids: set[str] = set()

    def run(self, trial: Trial) -> Outcome:
        return Turn(self, trial).run()


class Turn:
    """A trial under way."""

    def __init__(self, runner: Runner, trial: Trial):
        self.runner, self.trial = runner, trial
        self.module = INBOUND[trial.inbound]
        self.out = Outcome([])

    def found(self, kind: str, said: str, seen: Seen | None = None) -> None:
        self.out.findings.append(Finding(kind, said, seen.raw if seen else ""))

    def run(self) -> Outcome:
        plain = self.step(self.trial.body, False, self.trial.script)
        streamed = self.step(self.trial.body, True, self.trial.script)
        if plain and streamed:
            self.compare(plain, streamed)
        first = plain or streamed
        if first and not self.out.findings:
            self.second(first)
        return self.out

    def second(self, answer: dict) -> None:
        sampler = Sampler(random.Random(1), {})
        sampler.count = 10_000
        script = Script(self.trial.script.number + 1, text=True)
        try:
            body = self.module.follow(self.trial.body, answer, sampler)
        except (KeyError, TypeError) as odd:
            self.found(f"from {self.trial.place} to {self.trial.inbound}: an answer that cannot be sent back", repr(odd))
            return
        shown = SIGNATURES if self.module.shows_thinking(self.trial.body) else SIGNATURES[:1]  # who is not shown what was thought cannot send it back
        signed = [s for s in shown if any(s.encode() in seen.answer for seen in self.runner.upstream.seen)]
        self.step(body, self.trial.script.number % 2 == 0, script, "second turn, ")
        if seen := self.runner.upstream.seen:
            if not seen[-1].faults and any(s not in seen[-1].raw for s in signed):
                self.found(f"to {seen[-1].form}: the signature of what was said does not come back from a client of {self.trial.inbound}", "", seen[-1])

    def step(self, body: dict, stream: bool, script: Script, when: str = "") -> dict | None:
        """Asks once and judges both sides. Returns the answer if there is one."""
        self.when = when
        up = self.runner.upstream
        up.script, up.seen = replace(script, wanted=self.module.ask(body).schema), []
        up.tolerated = {n for n in chat.ADDED if f'"{n}"' in json.dumps(body)} if self.trial.inbound == "chat" else set()
        status, kind, raw = self.ask(body, stream)
        if not up.seen:
            return self.unasked(status, raw)
        seen = up.seen[-1]
        for fault in seen.faults:
            self.found(f"to {seen.form}: {fault.kind}", f"{when}{fault.path}: {fault.what}", seen)
        if seen.faults:
            return None
        if status != 200:
            self.found(f"from {self.trial.place} to {self.trial.inbound}: a good answer becomes {status}", when + raw.decode()[:300], seen)
            return None
        self.lost(body, seen)
        return self.judge(body, stream, raw, seen)

    def ask(self, body: dict, stream: bool) -> tuple[int, str, bytes]:
        model = alias(place_of(self.trial.place), self.trial.model)
        if self.trial.inbound == "gemini":
            return self.runner.gateway.ask(gemini.path(model, stream), body, {})
        headers = {"anthropic-version": self.version()} if self.trial.inbound == "messages" else {}
        full = body | {"model": model} | ({"stream": True} if stream else {})
        if self.counts(stream):
            full["stream_options"] = {"include_usage": True}
        return self.runner.gateway.ask(self.module.PATH, full, headers)

    def counts(self, stream: bool) -> bool:
        """Most chat clients ask for the usage of a stream; they get none otherwise."""
        return stream and self.trial.inbound == "chat" and self.trial.script.number % 4 == 0

    def version(self) -> str:
        """Both versions of Anthropic's API in turn; with sampling only the older is sound."""
        older = any(n in self.trial.body for n in messages.SAMPLING) or self.trial.script.number % 4 == 0
        return "2023-06-01" if older else "2026-10-21"

    def unasked(self, status: int, raw: bytes) -> None:
        if status == 400:
            self.out.refused = raw.decode()
        else:
            self.found(f"{self.trial.inbound} to {self.trial.place}: {status} without asking", self.when + raw.decode()[:300])

    def lost(self, body: dict, seen: Seen) -> None:
        forced = self.module.ask(body).choice not in ("auto", "any")
        sent = seen.raw + unpacked(seen.raw)
        for path, word in kept(body):
            if word not in sent and not (forced and path.startswith(".tools")):  # where a name cannot be said, the others are left out
                self.found(f"lost on the way to {seen.form}: {self.trial.inbound} {path}", word, seen)

    def judge(self, body: dict, stream: bool, raw: bytes, seen: Seen) -> dict | None:
        source = f"from {self.trial.place} to {self.trial.inbound}"
        shape = self.module.event_shape() if stream else self.module.answer_shape()
        try:
            events = events_of(raw) if stream else [("", json.loads(raw))]
        except ValueError as broken:
            self.found(f"{source}: no JSON", str(broken), seen)
            return None
        faults = [f for _, e in events if e != "[DONE]" for f in shape.faults(e, "") if not self.module.known(f)]
        how = " streamed" if stream else ""
        for fault in faults:
            self.found(f"to {self.trial.inbound} client: {fault.kind}", f"{self.when}{source}{how}, {fault.path}: {fault.what}", seen)
        try:
            return self.understood(body, events, stream, seen, source)
        except (KeyError, IndexError, TypeError, AttributeError) as odd:
            self.found(f"{source}: an answer that cannot be read", f"{self.when}{how} {odd!r} in {raw.decode()[:300]}", seen)
            return None

    def understood(self, body: dict, events: list, stream: bool, seen: Seen, source: str) -> dict:
        answer, faults = self.module.gather(events) if stream else (events[0][1], [])
        for fault in faults:
            self.found(f"{source}: {fault.kind}", self.when + fault.what, seen)
        self.unique(events[0][1], source)
        if seen.reply is not None:
            got = self.module.read(answer)
            if stream and self.trial.inbound == "chat" and not self.counts(stream):
                got.usage = seen.reply.usage
            if not self.module.shows_thinking(body):
                got.thinking = seen.reply.thinking
            for said in differences(got, seen.reply, self.module.ask(body)):
                self.found(f"{source}: {said.partition(': ')[0]}", f"{self.when}{'streamed, ' if stream else ''}{said}", seen)
        return answer

    def unique(self, first: dict, source: str) -> None:
        own = (first.get("response") or first.get("message") or first).get("id") or first.get("responseId")
        if own in self.runner.ids or not own:
            self.found(f"{source}: the answer has no id of its own", str(own))
        self.runner.ids.add(own)

    def compare(self, plain: dict, streamed: dict) -> None:
        one, two = simple(self.module.read(plain)), simple(self.module.read(streamed))
        for name in one:
            if one[name] != two[name]:
                self.found(f"from {self.trial.place} to {self.trial.inbound}: {name} differs between plain and streamed", f"{one[name]!r} and {two[name]!r}")


def simple(reply: Reply) -> dict:
    return {"thinking": reply.thinking, "text": reply.text, "calls": [(c.name, c.args) for c in reply.calls], "finish": reply.finish}


def differences(got: Reply, said: Reply, ask: Ask) -> Iterator[str]:
    """What a client reads that the provider did not say, and the reverse."""
    if ask.schema is not None and not got.calls:
        if not conforms(parsed(got.text), ask.schema):
            yield f"the answer is not the JSON that was asked for: {got.text[:80]!r} where the provider said {said.text[:80]!r} and {said.calls}"
        return
    if got.text != said.text and not (ask.schema is not None and parsed(said.text) == {"answer": parsed(got.text)}):
        yield "the text is another"  # and not what stands in the object that the gateway asked for in its place
    if got.thinking != said.thinking:
        yield "the thinking is another" if got.thinking else "the thinking is left out"
    if [c.args for c in got.calls] != [plain_args(c.args, g.args) for c, g in zip(said.calls, got.calls)] or len(got.calls) != len(said.calls):
        yield "the calls are others"
    if {c.name for c in got.calls} - {t.name for t in ask.tools}:
        yield "a tool is called that the client does not have"
    if all(c.id for c in got.calls) and len({c.id for c in got.calls}) < len(got.calls):
        yield "two calls have one id"
    if got.usage != said.usage:
        yield f"the usage is another: {got.usage} where the provider said {said.usage}"
    if got.finish != said.finish:
        yield f"it ends with {got.finish} where the provider said {said.finish}"


def conforms(value: Any, schema: Any) -> bool:
    """Tell whether JSON is of the type that the schema's top names, with the members that it requires."""
    if value is NO_JSON or not isinstance(schema, dict):
        return value is not NO_JSON
    kind = str(schema.get("type", "")).lower()
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    return isinstance(value, types.get(kind, object)) and (kind != "object" or set(schema.get("required") or []) <= set(value))


NO_JSON = object()


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return NO_JSON


def plain_args(said: Any, got: Any) -> Any:
    """A tool for text is a function with one member where a provider has none of the kind."""
    return said["input"] if isinstance(got, str) and isinstance(said, dict) and "input" in said else said


def draw(inbound: str, seed: int, number: int) -> dict:
    """A request, and how it will be answered."""
    rng = random.Random(f"{seed} {inbound} {number}")
    module = INBOUND[inbound]
    while True:
        body = module.generate(Sampler(rng, module.MADE))
        if not invalid(inbound, body):
            break
    picks = [rng.randint(0, 2) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    script = Script(number * 2, rng.random() < 0.5, rng.random() < 0.8, picks, rng.choice(("stop", "stop", "length")))
    return {"body": body, "script": script, "model": rng.randint(0, 11)}


def trials(inbound: str, seed: int, number: int) -> Iterator[Trial]:
    drawn = draw(inbound, seed, number)
    for place in (p for p in PLACES if p.inbound in ("", inbound)):
        yield Trial(inbound, place.name, drawn["model"] % len(place.models), drawn["script"], drawn["body"])
