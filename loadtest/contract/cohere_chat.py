"""Cohere's chat, version 2. No client of the gateway speaks it."""

import functools
import json
import typing
from typing import Any

from cohere.v2.client import V2Client

from shapes import Fault, Field, Record, Words
from talk import Ask, Call, Reply, Tool, pieces
from typed import answer_of

FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "calls": "TOOL_CALL"}
USAGE = {"billed_units": {"input_tokens": 11, "output_tokens": 7}, "tokens": {"input_tokens": 11, "output_tokens": 7}}

NAME = "cohere"


@functools.cache
def request_shape(stream: bool) -> Record:
    """The arguments of the SDK's own method, which it sends as they are."""
    hints = typing.get_type_hints(V2Client.chat_stream if stream else V2Client.chat, include_extras=True)

    def load() -> dict[str, Field]:
        fields = {n: Field(answer_of(h), n in ("model", "messages")) for n, h in hints.items() if n not in ("request_options", "return")}
        return fields | {"stream": Field(Words((stream,)), stream)}

    return Record("V2ChatRequest", load)


def refusal(faults: list[Fault]) -> dict:
    return {"id": "e1", "message": f"invalid request: {faults[0].path.strip('.')}: {faults[0].what}"}


def ask(body: dict) -> Ask:
    tools = [Tool(t["function"]["name"], t["function"].get("parameters") or {"type": "object"}) for t in body.get("tools") or []]
    choice = {"REQUIRED": "any", "NONE": "none"}.get(body.get("tool_choice"), "auto")
    form = body.get("response_format") or {}
    return Ask(tools, choice, form.get("json_schema") or True if form.get("type") == "json_object" else None)


def content(reply: Reply, thinks: bool) -> list[dict]:
    out = [{"type": "thinking", "thinking": reply.thinking}] if reply.thinking and thinks else []
    return out + ([{"type": "text", "text": reply.text}] if reply.text else [])


def call_json(call: Call) -> dict:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.args)}}


def plain(reply: Reply, number: int, body: dict, thinks: bool) -> dict:
    message: dict = {"role": "assistant", "content": content(reply, thinks)}
    if reply.calls:
        message["tool_calls"] = [call_json(c) for c in reply.calls]
    return {"id": f"co-{number}", "finish_reason": FINISH[reply.finish], "message": message, "usage": USAGE}


def block_events(index: int, block: dict) -> list[dict]:
    kind = block["type"]
    start = {"type": "content-start", "index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}}
    middle = [{"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: p}}}} for p in pieces(block[kind])]
    return [start, *middle, {"type": "content-end", "index": index}]


def call_events(index: int, call: dict) -> list[dict]:
    function = call["function"]
    start = call | {"function": function | {"arguments": ""}}
    events = [{"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": start}}}]
    for piece in pieces(function["arguments"]):
        events.append({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}}})
    return events + [{"type": "tool-call-end", "index": index}]


def stream(reply: Reply, number: int, body: dict, thinks: bool) -> list[tuple[str, Any]]:
    events: list[dict] = [{"type": "message-start", "id": f"co-{number}", "delta": {"message": {"role": "assistant"}}}]
    for index, block in enumerate(content(reply, thinks)):
        events += block_events(index, block)
    for index, call in enumerate(reply.calls):
        events += call_events(index, call_json(call))
    events.append({"type": "message-end", "id": f"co-{number}", "delta": {"finish_reason": FINISH[reply.finish], "usage": USAGE}})
    return [(e["type"], e) for e in events]
