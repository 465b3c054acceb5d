"""A provider for each format, as strict as the real one: what its vendor's schema or documentation refuses is answered with 400 in its own envelope."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import bedrock
import chat
import cohere_chat
import dialects
import gemini
import messages
import responses
import rules
from shapes import Fault
from talk import Ask, Reply, Script


@dataclass
class Seen:
    """A request that an upstream got, and what it thought of it."""

    form: str
    model: str
    raw: str
    faults: list[Fault]
    reply: Reply | None = None
    answer: bytes = b""


@dataclass
class Asked:
    """What a handler knows of a request."""

    host: str
    path: str
    headers: Any
    body: dict
    model: str
    streamed: bool


def sse(events: list[tuple[str, Any]]) -> bytes:
    return b"".join(named(n) + b"data: " + (d if isinstance(d, str) else json.dumps(d)).encode() + b"\n\n" for n, d in events)


def named(name: str) -> bytes:
    return b"event: " + name.encode() + b"\n" if name else b""


@dataclass
class Form:
    """How one door is recognised, judged and answered."""

    path: str  # a regular expression; its first group is the model, if the address names it
    name: Callable[[Asked], str]
    faults: Callable[[Asked], list[Fault]]
    module: Any
    thinks: Callable[[Asked], bool]
    pack: Callable[[list], bytes] = sse
    stream_type: str = "text/event-stream"


def chat_name(a: Asked) -> str:
    return dialects.HOSTS.get(a.host) or openai_name(chat)(a)


def chat_faults(a: Asked) -> list[Fault]:
    shape = dialects.request_shape(dialects.HOSTS[a.host], a.streamed) if a.host in dialects.HOSTS else chat.request_shape(a.streamed)
    return shape.faults(a.body, "")


def openai_name(module: Any) -> Callable[[Asked], str]:
    return lambda a: ("openai-" if a.host == "api.openai.com" else "") + module.NAME


def by_shape(module: Any) -> Callable[[Asked], list[Fault]]:
    return lambda a: module.request_shape(a.streamed).faults(a.body, "")


def claude_faults(a: Asked) -> list[Fault]:
    older = a.headers.get("anthropic-version", "") < "2026-10-21"
    return messages.request_shape(a.streamed, "anthropic-beta" in a.headers, older).faults(a.body, "")


def on_vertex(a: Asked) -> bool:
    return "aiplatform" in a.host or "google-vertex-ai" in a.path


def gemini_faults(a: Asked) -> list[Fault]:
    return gemini.request_shape(a.streamed, on_vertex(a)).faults(a.body, "")


def converse_faults(a: Asked) -> list[Fault]:
    found = bedrock.converse_faults(a.body, a.model)
    if a.streamed and "meta.llama" in a.model and "toolConfig" in a.body:  # AWS, conversation-inference-supported-models-features: streaming tool use
        found.append(Fault("toolConfig", "this model doesn't support tool use in streaming mode"))
    return found


EVENTSTREAM = "application/vnd.amazon.eventstream"
FORMS = [
    Form(r".*/chat/completions$", chat_name, chat_faults, chat, lambda a: a.host != "api.openai.com"),
    Form(r".*/v1/responses$", openai_name(responses), by_shape(responses), responses, lambda a: "reasoning" in a.body),
    Form(r".*/v1/messages$", lambda a: "messages", claude_faults, messages, lambda a: messages.shows_thinking(a.body)),
    Form(r".*/models/([^:/]+):(?:generate|streamGenerate)Content$", lambda a: "vertex" if on_vertex(a) else "gemini", gemini_faults, gemini, lambda a: gemini.shows_thinking(a.body)),
    Form(r"/model/([^/]+)/converse(?:-stream)?$", lambda a: "converse", converse_faults, bedrock, lambda a: True,
         bedrock.frames, EVENTSTREAM),
    Form(r"/model/([^/]+)/invoke(?:-with-response-stream)?$", lambda a: "invoke", lambda a: bedrock.invoke_shape().faults(a.body, ""), messages, lambda a: messages.shows_thinking(a.body),
         bedrock.invoke_frames, EVENTSTREAM),
    Form(r".*/v2/chat$", lambda a: "cohere", by_shape(cohere_chat), cohere_chat, lambda a: (a.body.get("thinking") or {}).get("type") != "disabled"),
]


@dataclass
class Upstream:
    """All of them behind one port. One request is under way at a time: its script lies here, and what came of it."""

    script: Script = field(default_factory=lambda: Script(0))
    seen: list[Seen] = field(default_factory=list)
    count: int = 0
    tolerated: set[str] = field(default_factory=set)  # what a chat client added itself: a host that nobody knows is sent it as it was written
    forgiven: frozenset[str] = frozenset()  # kinds of faults that are the client's own, and its provider's to know

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                outer.handle(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        raw = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        status, kind, answer = self.answer(request, raw)
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def answer(self, request: BaseHTTPRequestHandler, raw: bytes) -> tuple[int, str, bytes]:
        match = re.fullmatch(r"(?:http://([^/]+))?([^?]*)(\?.*)?", request.path)
        host, path = match[1] or request.headers.get("Host", ""), match[2].replace("%3A", ":")
        for form in FORMS:
            if found := re.fullmatch(form.path, path):
                body = json.loads(raw)
                model = found[1] if found.groups() else body.get("model", "")
                streamed = body.get("stream") is True or "tream" in path.rpartition("/")[2]
                return self.judge(form, Asked(host, path, request.headers, body, model, streamed), raw.decode())
        self.seen.append(Seen("nowhere", "", raw.decode(), [Fault("", f"no provider has this address: {path}")]))
        return 404, "application/json", b"{}"

    def judge(self, form: Form, asked: Asked, raw: str) -> tuple[int, str, bytes]:
        name = form.name(asked)
        faults = [f for f in form.faults(asked) if name != "chat" or f.path.rpartition(".")[2] not in self.tolerated]
        faults += rules.broken(name, asked.model, asked.body, faults)
        faults = [f for f in faults if f.kind not in self.forgiven]
        seen = Seen(name, asked.model, raw, faults)
        self.seen.append(seen)
        if faults:
            return 400, "application/json", json.dumps(refusal(name, form.module, faults)).encode()
        return self.speak(form, asked, seen)

    def speak(self, form: Form, asked: Asked, seen: Seen) -> tuple[int, str, bytes]:
        self.count += 1
        want: Ask = form.module.ask(asked.body)
        if form.module is chat:  # no type of the SDK says how a call with text is streamed
            want.tools = [t for t in want.tools if t.schema is not None]
        seen.reply = self.script.reply(want)
        told = {"stream_options": {"include_usage": True}} if asked.host in dialects.HOSTS else {}  # these count without being asked
        given = (seen.reply, self.count, asked.body | told, form.thinks(asked))
        if not form.thinks(asked):
            seen.reply.thinking = ""
        if asked.streamed:
            events = [(n, dialects.accented(asked.host, e)) for n, e in form.module.stream(*given)]
            seen.answer = form.pack(events)
            return 200, form.stream_type, seen.answer
        seen.answer = json.dumps(dialects.accented(asked.host, form.module.plain(*given))).encode()
        return 200, "application/json", seen.answer


def refusal(name: str, module: Any, faults: list[Fault]) -> dict:
    return bedrock.refusal(faults) if name == "invoke" else module.refusal(faults)
