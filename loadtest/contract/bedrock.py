"""Amazon Bedrock: Converse, and InvokeModel with Anthropic's format. No client of the gateway speaks these."""

import base64
import functools
import json
import re
import struct
import zlib
from typing import Any

import botocore.model
import botocore.session
from botocore.validate import ParamValidator

import messages
from shapes import Fault, Field, List, Record, Text
from talk import Ask, Reply, Tool, pieces

FINISH = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}
USAGE = {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}

NAME = "converse"


def refusal(faults: list[Fault]) -> dict:
    return {"message": f"{faults[0].path.strip('.')}: {faults[0].what}"}


# ---- what the service model says


@functools.cache
def service() -> botocore.model.ServiceModel:
    return botocore.session.get_session().get_service_model("bedrock-runtime")


@functools.cache
def validator() -> ParamValidator:
    return ParamValidator()


def converse_faults(body: dict, model: str) -> list[Fault]:
    shape = service().operation_model("Converse").input_shape
    report = validator().validate(body | {"modelId": model}, shape).generate_report()
    broken = [Fault("", re.sub(r"(?<=value: ).*?, type", "…, type", line)) for line in report.splitlines()]
    return broken + constraints(body, shape, "")


def constraints(value: Any, shape: Any, path: str) -> list[Fault]:
    """What the model says of words, lengths and characters: ParamValidator does not look at these."""
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        return [f for n, v in value.items() if n in shape.members for f in constraints(v, shape.members[n], f"{path}.{n}")]
    if shape.type_name == "list" and isinstance(value, list):
        return [f for i, v in enumerate(value) for f in constraints(v, shape.member, f"{path}[{i}]")] + too_long(value, shape, path)
    if shape.type_name == "string" and isinstance(value, str):
        return of_text(value, shape, path) + too_long(value, shape, path)
    return []


def of_text(value: str, shape: Any, path: str) -> list[Fault]:
    if shape.enum and value not in shape.enum:
        return [Fault(path, f"{value!r} is none of {', '.join(shape.enum)}")]
    pattern = shape.metadata.get("pattern")
    return [Fault(path, f"does not match {pattern}")] if pattern and not re.fullmatch(pattern, value) else []


def too_long(value: Any, shape: Any, path: str) -> list[Fault]:
    most = shape.metadata.get("max")
    return [Fault(path, f"longer than {most}")] if most is not None and len(value) > most else []


@functools.cache
def invoke_shape() -> Record:
    """Anthropic's request without what the address says, and with the version in the body (AWS: Anthropic Claude Messages API)."""

    def load() -> dict[str, Field]:
        own = messages.request_shape(False, betas=True).fields
        kept = {n: f for n, f in own.items() if n not in ("model", "stream", "betas")}
        return kept | {"anthropic_version": Field(Text(), True), "anthropic_beta": Field(List(Text()))}

    return Record("InvokeModel", load)


# ---- what a request asks for


def tool_of(tool: dict) -> Tool:
    return Tool(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"])


def ask(body: dict) -> Ask:
    config = body.get("toolConfig") or {}
    choice = config.get("toolChoice") or {"auto": {}}
    words = ":" + choice["tool"]["name"] if "tool" in choice else next(iter(choice))
    form = ((body.get("outputConfig") or {}).get("textFormat") or {}).get("structure", {}).get("jsonSchema", {}).get("schema")
    return Ask([tool_of(t) for t in config.get("tools") or [] if "toolSpec" in t], words, json.loads(form) if form else None)


# ---- how Bedrock answers


def blocks(reply: Reply, thinks: bool) -> list[dict]:
    out: list[dict] = []
    if reply.thinking and thinks:
        out.append({"reasoningContent": {"reasoningText": {"text": reply.thinking, "signature": "c2ln"}}})
    if reply.text:
        out.append({"text": reply.text})
    return out + [{"toolUse": {"toolUseId": c.id.replace("call", "tooluse"), "name": c.name, "input": c.args}} for c in reply.calls]


def plain(reply: Reply, number: int, body: dict, thinks: bool) -> dict:
    message = {"role": "assistant", "content": blocks(reply, thinks)}
    return {"output": {"message": message}, "stopReason": FINISH[reply.finish], "usage": USAGE, "metrics": {"latencyMs": 1}}


def deltas(block: dict) -> list[dict]:
    if "text" in block:
        return [{"text": p} for p in pieces(block["text"])]
    if "toolUse" in block:
        return [{"toolUse": {"input": p}} for p in pieces(json.dumps(block["toolUse"]["input"]))]
    thought = block["reasoningContent"]["reasoningText"]
    return [{"reasoningContent": {"text": p}} for p in pieces(thought["text"])] + [{"reasoningContent": {"signature": thought["signature"]}}]


def stream(reply: Reply, number: int, body: dict, thinks: bool) -> list[tuple[str, Any]]:
    events: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(blocks(reply, thinks)):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            events.append(("contentBlockStart", at | {"start": {"toolUse": {k: block["toolUse"][k] for k in ("toolUseId", "name")}}}))
        events += [("contentBlockDelta", at | {"delta": d}) for d in deltas(block)] + [("contentBlockStop", at)]
    return events + [("messageStop", {"stopReason": FINISH[reply.finish]}), ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})]


def frames(events: list[tuple[str, Any]]) -> bytes:
    return b"".join(frame(name, event) for name, event in events)


def invoke_frames(events: list[tuple[str, Any]]) -> bytes:
    """Anthropic's events as InvokeModelWithResponseStream packs them."""
    return b"".join(frame("chunk", {"bytes": base64.b64encode(json.dumps(e).encode()).decode()}) for _, e in events)


def frame(name: str, payload: Any) -> bytes:
    """A message of application/vnd.amazon.eventstream."""
    headers = b"".join(header(k, v) for k, v in ((":message-type", "event"), (":event-type", name), (":content-type", "application/json")))
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return whole + struct.pack(">I", zlib.crc32(whole))


def header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
