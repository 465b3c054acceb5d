"""Anthropic's Messages."""

import functools
import json
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types import message_create_params as params
from anthropic.types.beta import message_create_params as beta

from sample import OMIT, PDF, PNG, Made, Sampler
from shapes import Fault, Field, Integer, Number, Record, Shape
from talk import Ask, Call, Reply, Tool, loads, pieces
from typed import answer_of, request_of

FINISH = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}
USAGE = {"input_tokens": 11, "output_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}

NAME = "messages"
PATH = "/v1/messages"


# What version 2023-06-01 takes and 2026-10-21, which the SDKs speak since 2.0, does not (platform.claude.com, api/versioning).
SAMPLING = {"temperature": Field(Number()), "top_p": Field(Number()), "top_k": Field(Integer())}


@functools.cache
def request_shape(stream: bool, betas: bool = False, older: bool = True) -> Record:
    types = beta if betas else params
    own = request_of(types.MessageCreateParamsStreaming if stream else types.MessageCreateParamsNonStreaming)
    return Record(own.name, lambda: own.fields | SAMPLING) if older else own


def refusal(faults: list[Fault]) -> dict:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": f"{faults[0].path.strip('.')}: {faults[0].what}"}, "request_id": "req_1"}


# ---- what a request asks for


def ask(body: dict) -> Ask:
    tools = [Tool(t["name"], t["input_schema"]) for t in body.get("tools") or [] if "input_schema" in t]
    choice = body.get("tool_choice") or {"type": "auto"}
    words = ":" + choice["name"] if choice["type"] == "tool" else choice["type"]
    form = (body.get("output_config") or {}).get("format") or {}
    return Ask(tools, words, form.get("schema"))


# ---- how an upstream answers


def blocks(reply: Reply, thinks: bool) -> list[dict]:
    out: list[dict] = []
    if reply.thinking and thinks:
        out.append({"type": "thinking", "thinking": reply.thinking, "signature": "c2lnbmF0dXJl"})
    if reply.text:
        out.append({"type": "text", "text": reply.text, "citations": None})
    return out + [{"type": "tool_use", "id": c.id.replace("call", "toolu"), "name": c.name, "input": c.args, "caller": {"type": "direct"}} for c in reply.calls]


def plain(reply: Reply, number: int, body: dict, thinks: bool) -> dict:
    return {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": body.get("model", "claude"), "content": blocks(reply, thinks),
            "stop_reason": FINISH[reply.finish], "stop_sequence": None, "usage": USAGE}


EMPTY = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}


def block_deltas(block: dict) -> list[dict]:
    if block["type"] == "thinking":
        return [{"type": "thinking_delta", "thinking": p} for p in pieces(block["thinking"])] + [{"type": "signature_delta", "signature": block["signature"]}]
    if block["type"] == "text":
        return [{"type": "text_delta", "text": p} for p in pieces(block["text"])]
    return [{"type": "input_json_delta", "partial_json": p} for p in [""] + pieces(json.dumps(block["input"]))]


def block_events(index: int, block: dict) -> list[dict]:
    start = {"type": "content_block_start", "index": index, "content_block": block | EMPTY[block["type"]]}
    middle = [{"type": "content_block_delta", "index": index, "delta": d} for d in block_deltas(block)]
    return [start] + middle + [{"type": "content_block_stop", "index": index}]


def stream(reply: Reply, number: int, body: dict, thinks: bool) -> list[tuple[str, Any]]:
    whole = plain(reply, number, body, thinks)
    events: list[dict] = [{"type": "message_start", "message": whole | {"content": [], "stop_reason": None, "usage": USAGE | {"output_tokens": 1}}}]
    for index, block in enumerate(whole["content"]):
        events += block_events(index, block)
    events.append({"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None}, "usage": {"output_tokens": 7}})
    events.append({"type": "message_stop"})
    return [(e["type"], e) for e in events]


# ---- what a client gets


def answer_shape() -> Shape:
    return answer_of(Message)


def event_shape() -> Shape:
    return answer_of(RawMessageStreamEvent)


def known(fault: Fault) -> bool:
    return False


def read(answer: dict) -> Reply:
    parts = answer["content"]
    calls = [Call(b["id"], b["name"], b["input"]) for b in parts if b["type"] == "tool_use"]
    finish = {v: k for k, v in FINISH.items()}.get(answer["stop_reason"], answer["stop_reason"])
    used = answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]
    thinking = "".join(b["thinking"] for b in parts if b["type"] == "thinking")
    return Reply(thinking, "".join(b["text"] for b in parts if b["type"] == "text"), calls, finish, used)


class Gathering:
    def __init__(self) -> None:
        self.message: dict = {}
        self.faults: list[Fault] = []
        self.open: int | None = None
        self.json = ""

    def fault(self, what: str) -> None:
        self.faults.append(Fault("stream", what))

    def message_start(self, event: dict) -> None:
        if self.message:
            self.fault("begins twice")
        self.message = json.loads(json.dumps(event["message"]))

    def content_block_start(self, event: dict) -> None:
        if self.open is not None:
            self.fault("a block begins inside another")
        if event["index"] != len(self.message["content"]):
            self.fault("indices of blocks do not count up")
        self.open, self.json = event["index"], ""
        self.message["content"].append(dict(event["content_block"]))

    def content_block_delta(self, event: dict) -> None:
        if event["index"] != self.open:
            self.fault("a delta is outside its block")
        block, delta = self.message["content"][-1], event["delta"]
        if delta["type"] == "input_json_delta":
            self.json += delta["partial_json"]
        elif delta["type"] == "citations_delta":
            block["citations"] = (block.get("citations") or []) + [delta["citation"]]
        else:
            name = delta["type"].removesuffix("_delta")
            block[name] = (block.get(name) or "") + delta[name]

    def content_block_stop(self, event: dict) -> None:
        if event["index"] != self.open:
            self.fault("a block ends that is not open")
        if self.json:
            self.message["content"][-1]["input"] = loads(self.json)
        self.open = None

    def message_delta(self, event: dict) -> None:
        if self.open is not None:
            self.fault("message_delta comes inside a block")
        self.message |= event["delta"]
        self.message["usage"] |= {n: v for n, v in event["usage"].items() if v is not None}

    def message_stop(self, event: dict) -> None:
        self.message["stopped"] = True


def gather(events: list[tuple[str, Any]]) -> tuple[dict, list[Fault]]:
    at = Gathering()
    for name, event in events:
        if name != event["type"]:
            at.fault("an event's name is not its type")
        if event["type"] != "ping":
            getattr(at, event["type"], lambda e: at.fault(f"holds {e['type']}"))(event)
    if not at.message.pop("stopped", False):
        at.fault("does not end with message_stop")
    return at.message, at.faults


def shows_thinking(body: dict) -> bool:
    """Tell whether thoughts have to reach the client: where it asked for none they may."""
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def follow(body: dict, answer: dict, sampler: Sampler) -> dict:
    calls = [b for b in answer["content"] if b["type"] == "tool_use"]
    content = [{"type": "tool_result", "tool_use_id": c["id"], "content": sampler.keep()} for c in calls] or sampler.keep()
    return body | {"messages": body["messages"] + [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": content}]}


# ---- what a client might ask

MADE: Made = {
    "text": Sampler.keep,
    "TextBlockParam.citations": OMIT,
    "Base64ImageSourceParam": lambda s: {"type": "base64", "media_type": "image/png", "data": s.media(PNG)},
    "Base64PDFSourceParam": lambda s: {"type": "base64", "media_type": "application/pdf", "data": s.media(PDF)},
    "PlainTextSourceParam.data": Sampler.keep,
    "ContentBlockSourceParam.content": lambda s: s.keep() if s.chance(0.5) else [{"type": "text", "text": s.keep()}],
    "URLImageSourceParam": OMIT,  # would be fetched
    "URLPDFSourceParam": OMIT,
    "FileImageSourceParam": OMIT,  # what only Anthropic holds
    "FileDocumentSourceParam": OMIT,
    "ContainerUploadBlockParam": OMIT,
    "ThinkingBlockParam": lambda s: {"type": "thinking", "thinking": s.free(), "signature": "c2ln"},
    "RedactedThinkingBlockParam": lambda s: {"type": "redacted_thinking", "data": "c2VhbGVk"},
    "SearchResultBlockParam.content": lambda s: [{"type": "text", "text": s.keep()}],
    "ToolReferenceBlockParam.tool_name": lambda s: s.tools[0].name,
    "BrowserStateBlockParam": OMIT,
    "ToolParam.input_schema": lambda s: s.schema(),
    "ToolParam.name": lambda s: s.name(128),
    "ToolParam.description": Sampler.keep,
    "ToolParam.allowed_callers": OMIT,
    "ToolParam.defer_loading": OMIT,
    "ToolParam.input_examples": OMIT,
    "ToolParam.strict": OMIT,
    "caller": OMIT,
    "toolset_name": OMIT,
    "messages": OMIT,
    "model": OMIT,
    "stream": OMIT,
    "tools": OMIT,
    "tool_choice": OMIT,
    "max_tokens": lambda s: 4096,
    "container": OMIT,
    "diagnostics": OMIT,
    "inference_geo": OMIT,
    "user_profile_id": OMIT,
    "workspace_id": OMIT,
    "thinking": lambda s: s.rng.choice(({"type": "enabled", "budget_tokens": 1024}, {"type": "disabled"}, {"type": "adaptive"})),
    "temperature": lambda s: s.rng.choice((0, 0.5, 1)),
    "top_p": lambda s: 0.5,
    "top_k": lambda s: 40,
    "MetadataParam.user_id": lambda s: s.rng.choice((s.free(), "user_" + "a" * 64 + "_account__session_" + "b" * 36)),
    "stop_sequences": lambda s: s.some(s.free, 1, 6),
    "JSONOutputFormatParam.schema": lambda s: closed(s.schema(1)),
}


def closed(schema: dict) -> dict:
    if schema.get("type") == "object":
        schema["additionalProperties"] = False
        for inner in schema.get("properties", {}).values():
            closed(inner)
    if schema.get("type") == "array":
        closed(schema.setdefault("items", {"type": "string"}))
    return schema


USER_BLOCKS = ("TextBlockParam", "ImageBlockParam", "DocumentBlockParam", "SearchResultBlockParam")
RESULT_BLOCKS = ("TextBlockParam", "ImageBlockParam", "DocumentBlockParam", "SearchResultBlockParam")


def generate(s: Sampler) -> dict:
    fields = request_shape(False).fields
    by_name = {o.name: o for o in fields["messages"].shape.item.options[0].fields["content"].shape.options[1].item.options}
    body: dict = {"max_tokens": 4096}
    tools(s, body, fields)
    body["messages"] = [{"role": "user", "content": s.keep()}] if s.chance(0.3) else [user(s, by_name)]
    for _ in range(s.rng.randint(0, 2)):
        body["messages"] += assistant_turn(s, by_name)
        if body["messages"][-1]["role"] == "assistant":
            body["messages"].append(user(s, by_name))
    drawn = {n: s.member("Messages", n, f, 0.3, 1) for n, f in fields.items() if n not in body and s.chance(0.15)}
    body |= {n: v for n, v in drawn.items() if v is not OMIT and v is not None}
    if body.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        for name in SAMPLING:
            body.pop(name, None)
        if body.get("tool_choice", {}).get("type") in ("any", "tool"):
            del body["tool_choice"]
    return body


def tools(s: Sampler, body: dict, fields: dict) -> None:
    s.tools = []
    if not s.chance(0.6):
        return
    own = fields["tools"].shape.item.options[0]
    made = {t["name"]: t for t in s.some(lambda: s.of(own, 0.5))}
    body["tools"] = list(made.values())
    s.tools = ask(body).tools
    if s.chance(0.15):
        body["tools"].append({"type": "web_search_20250305", "name": "web_search", "max_uses": 3})
    if s.chance(0.1):  # tools that Anthropic describes and the client carries out
        body["tools"].append(s.rng.choice(({"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"})))
    if s.chance(0.4):
        body["tool_choice"] = s.rng.choice(({"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": s.tools[0].name},
                                            {"type": "auto", "disable_parallel_tool_use": True}))


def user(s: Sampler, by_name: dict) -> dict:
    return {"role": "user", "content": [s.of(by_name[s.rng.choice(USER_BLOCKS)]) for _ in range(s.rng.randint(1, 3))]}


def searched(s: Sampler) -> list[dict]:
    """A search that Anthropic made itself: call and results."""
    number = f"srvtoolu_{s.number()}"
    found = {"type": "web_search_result", "url": "https://a.example/" + s.free(), "title": s.free(), "encrypted_content": "c2VhbGVk"}
    return [{"type": "server_tool_use", "id": number, "name": "web_search", "input": {"query": s.free()}},
            {"type": "web_search_tool_result", "tool_use_id": number, "content": [found]}]


def assistant_turn(s: Sampler, by_name: dict) -> list[dict]:
    content: list[dict] = []
    if s.chance(0.3):
        content.append(s.of(by_name[s.rng.choice(("ThinkingBlockParam", "RedactedThinkingBlockParam"))]))
    if s.chance(0.1):
        content += searched(s)
    if s.chance(0.7):
        content.append(s.of(by_name["TextBlockParam"]))
    if not s.tools or s.chance(0.4):
        return [{"role": "assistant", "content": content or [{"type": "text", "text": s.keep()}]}]
    calls = [{"type": "tool_use", "id": f"toolu_{s.number()}", "name": t.name, "input": {"a": s.keep()}} for t in s.rng.choices(s.tools, k=s.rng.randint(1, 2))]
    results = [result(s, c["id"], by_name) for c in calls]
    more = [s.of(by_name[s.rng.choice(USER_BLOCKS)])] if s.chance(0.3) else []
    return [{"role": "assistant", "content": content + calls}, {"role": "user", "content": results + more}]


def result(s: Sampler, of: str, by_name: dict) -> dict:
    made: dict = {"type": "tool_result", "tool_use_id": of}
    if s.chance(0.9):
        made["content"] = s.keep() if s.chance(0.5) else [s.of(by_name[s.rng.choice(RESULT_BLOCKS)]) for _ in range(s.rng.randint(1, 2))]
    if s.chance(0.2):
        made["is_error"] = s.chance(0.7)
    return made
