"""OpenAI's chat completions."""

import json
import re
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat import completion_create_params as params

from sample import OMIT, PDF, PNG, WAV, Made, Sampler
from shapes import Fault, Record, Shape
from talk import Ask, Call, Reply, Tool, loads, pieces
from typed import answer_of, request_of

FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
# What the gateway adds to OpenAI's form, as docs/providers.md has it.
ADDED = {"reasoning_content", "reasoning_details", "thinking_blocks", "extra_content"}

NAME = "chat"
PATH = "/v1/chat/completions"


def request_shape(stream: bool) -> Record:
    return request_of(params.CompletionCreateParamsStreaming if stream else params.CompletionCreateParamsNonStreaming)


def refusal(faults: list[Fault]) -> dict:
    first = faults[0]
    return {"error": {"message": f"{first.path}: {first.what}", "type": "invalid_request_error", "param": first.path.strip("."), "code": None}}


# ---- what a request asks for


def tool_of(tool: dict) -> Tool:
    if tool["type"] == "custom":
        return Tool(tool["custom"]["name"], None)
    return Tool(tool["function"]["name"], tool["function"].get("parameters") or {"type": "object"})


def choice_of(choice: Any) -> str:
    if not isinstance(choice, dict):
        return {"required": "any"}.get(choice, choice or "auto")
    if choice["type"] == "allowed_tools":
        return {"required": "any"}.get(choice["allowed_tools"]["mode"], "auto")
    return ":" + choice[choice["type"]]["name"]


def ask(body: dict) -> Ask:
    form = body.get("response_format") or {}
    schema = {"json_object": True, "json_schema": form.get("json_schema", {}).get("schema", True)}.get(form.get("type"))
    return Ask([tool_of(t) for t in body.get("tools") or []], choice_of(body.get("tool_choice")), schema)


# ---- how an upstream answers


def call_json(call: Call) -> dict:
    if isinstance(call.args, str):
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.args}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.args)}}


def head(kind: str, number: int, body: dict) -> dict:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1, "model": body["model"]}


def plain(reply: Reply, number: int, body: dict, thinks: bool) -> dict:
    message = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = [call_json(c) for c in reply.calls]
    if reply.thinking and thinks:
        message["reasoning_content"] = reply.thinking
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[reply.finish]}
    return head("chat.completion", number, body) | {"choices": [choice], "usage": USAGE}


def call_deltas(index: int, call: dict) -> list[dict]:
    inner, member = ("custom", "input") if call["type"] == "custom" else ("function", "arguments")
    first = {"index": index, "id": call["id"], "type": call["type"], inner: {"name": call[inner]["name"], member: ""}}
    return [first] + [{"index": index, inner: {member: p}} for p in pieces(call[inner][member])]


def deltas(reply: Reply, thinks: bool) -> list[dict]:
    out: list[dict] = [{"role": "assistant", "content": None if reply.calls and not reply.text else ""}]
    if thinks:
        out += [{"reasoning_content": p} for p in pieces(reply.thinking)]
    out += [{"content": p} for p in pieces(reply.text)]
    return out + [{"tool_calls": [d]} for i, c in enumerate(reply.calls) for d in call_deltas(i, call_json(c))]


def stream(reply: Reply, number: int, body: dict, thinks: bool) -> list[tuple[str, Any]]:
    top = head("chat.completion.chunk", number, body)
    chunks = [top | {"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas(reply, thinks)]
    chunks.append(top | {"choices": [{"index": 0, "delta": {}, "finish_reason": FINISH[reply.finish]}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append(top | {"choices": [], "usage": USAGE})
    return [("", c) for c in chunks] + [("", "[DONE]")]


# ---- what a client gets


def answer_shape() -> Shape:
    return answer_of(ChatCompletion)


def event_shape() -> Shape:
    return answer_of(ChatCompletionChunk)


def known(fault: Fault) -> bool:
    """Tell whether the gateway is meant to add this. Streams have no other form for a tool that takes text than the one of plain answers."""
    custom = re.search(r"delta\.tool_calls\[\d+\]\.(custom|type)$", fault.path)
    return bool(custom) or (fault.what.startswith("no member of") and fault.path.rpartition(".")[2] in ADDED)


def read(answer: dict) -> Reply:
    choice = answer["choices"][0]
    message = choice["message"]
    calls = [read_call(c) for c in message.get("tool_calls") or []]
    finish = {"tool_calls": "calls"}.get(choice["finish_reason"], choice["finish_reason"])
    return Reply(message.get("reasoning_content") or "", message.get("content") or "", calls, finish, used(answer))


def used(answer: dict) -> tuple:
    usage = answer.get("usage") or {}
    return usage.get("prompt_tokens"), usage.get("completion_tokens")


def read_call(call: dict) -> Call:
    if call["type"] == "custom":
        return Call(call["id"], call["custom"]["name"], call["custom"]["input"])
    return Call(call["id"], call["function"]["name"], loads(call["function"]["arguments"]))


def gather(events: list[tuple[str, Any]]) -> tuple[dict, list[Fault]]:
    """The message that a stream's events add up to."""
    faults = [] if events and events[-1][1] == "[DONE]" else [Fault("stream", "does not end with [DONE]")]
    chunks = [d for _, d in events if d != "[DONE]"]
    if len({c["id"] for c in chunks}) != 1:
        faults.append(Fault("stream.id", "differs between chunks"))
    message: dict = {"role": "assistant", "content": None}
    finish = None
    for choice in (c for chunk in chunks for c in chunk["choices"]):
        if finish is not None and choice["delta"]:
            faults.append(Fault("stream", "goes on behind finish_reason"))
        add(message, choice["delta"], faults)
        finish = choice.get("finish_reason") or finish
    usage = next((c["usage"] for c in reversed(chunks) if c.get("usage")), None)
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}, faults


def add(message: dict, delta: dict, faults: list[Fault]) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            for call in value:
                add_call(message.setdefault("tool_calls", []), call, faults)
        elif isinstance(value, str) and name != "role":
            message[name] = (message.get(name) or "") + value
        elif isinstance(value, list):
            message.setdefault(name, []).extend(value)


def add_call(made: list[dict], delta: dict, faults: list[Fault]) -> None:
    index = delta["index"]
    if index > len(made):
        faults.append(Fault("stream.tool_calls.index", "skips a number"))
    if index >= len(made):
        made.append({"id": delta.get("id"), "type": delta.get("type")})
    elif delta.get("id") not in (None, made[index]["id"]):
        faults.append(Fault("stream.tool_calls.id", "changes within a call"))
    at = made[min(index, len(made) - 1)]
    for inner in ("function", "custom"):
        for name, value in (delta.get(inner) or {}).items():
            kept = at.setdefault(inner, {})
            kept[name] = kept.get(name, "") + value if name in ("arguments", "input") else value


def shows_thinking(body: dict) -> bool:
    """Every client that reads them gets thoughts, under a name that OpenAI does not have."""
    return True


def follow(body: dict, answer: dict, sampler: Sampler) -> dict:
    """The next turn: the answer goes back with the results of its calls."""
    message = answer["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": c["id"], "content": sampler.keep()} for c in message.get("tool_calls") or []]
    more = results or [{"role": "user", "content": sampler.keep()}]
    return body | {"messages": body["messages"] + [message] + more}


# ---- what a client might ask


def call_name(s: Sampler) -> str:
    return s.rng.choice(s.tools).name if s.tools else "f"


MADE: Made = {
    "text": Sampler.keep,
    "ChatCompletionSystemMessageParam.content": lambda s: s.keep() if s.chance(0.6) else [{"type": "text", "text": s.keep()}],
    "ChatCompletionDeveloperMessageParam.content": lambda s: s.keep() if s.chance(0.6) else [{"type": "text", "text": s.keep()}],
    "ImageURL.url": lambda s: "data:image/png;base64," + s.media(PNG),
    "InputAudio": lambda s: {"data": s.media(WAV), "format": "wav"},
    "FileFile": lambda s: {"file_data": "data:application/pdf;base64," + s.media(PDF), "filename": s.free() + ".pdf"},
    "ChatCompletionContentPartRefusalParam.refusal": Sampler.keep,
    "name": OMIT,
    "audio": OMIT,  # an answer's sound that the provider still holds
    "functions": OMIT,  # of the time before tools; their calls have no ids
    "function_call": OMIT,
    "modalities": OMIT,
    "moderation": OMIT,
    "messages": OMIT,
    "model": OMIT,
    "stream": OMIT,
    "tools": OMIT,
    "tool_choice": OMIT,
    "n": lambda s: 1,
    "logit_bias": lambda s: {"50256": -100},
    "max_tokens": lambda s: s.rng.choice((16, 4096)),
    "max_completion_tokens": lambda s: s.rng.choice((16, 4096)),
    "logprobs": lambda s: True,
    "top_logprobs": OMIT,
    "prediction": OMIT,
    "web_search_options": OMIT,
    "stream_options": OMIT,
    "stop": lambda s: s.free() if s.chance(0.3) else s.some(s.free, 1, 4),
    "user": lambda s: s.free(),
    "JSONSchema": lambda s: {"name": s.name(), "schema": closed(s.schema(1)), "strict": s.chance(0.5)},
    "FunctionDefinition.parameters": lambda s: s.schema(),
    "FunctionDefinition.name": lambda s: s.name(),
    "FunctionDefinition.description": Sampler.keep,
    "FunctionDefinition.strict": lambda s: False,
}


def closed(schema: dict) -> dict:
    """The schema as strict output wants it: every member required and no other."""
    if schema.get("type") == "object" and "properties" in schema:
        schema |= {"required": list(schema["properties"]), "additionalProperties": False}
        for inner in schema["properties"].values():
            closed(inner)
    if schema.get("type") == "array":
        closed(schema.setdefault("items", {"type": "string"}))
    return schema


def generate(s: Sampler) -> dict:
    fields = request_shape(False).fields
    roles = {o.fields["role"].shape.values[0]: o for o in fields["messages"].shape.item.options}
    body: dict = {}
    tools(s, body, fields)
    messages = [s.of(roles[s.rng.choice(("system", "developer"))])] if s.chance(0.5) else []
    for _ in range(s.rng.randint(0, 2)):
        messages += [user(s, roles)] + assistant_turn(s, roles)
    body["messages"] = messages + [user(s, roles)]
    drawn = {n: s.member("Chat", n, f, 0.3, 1) for n, f in fields.items() if s.chance(0.12)}
    body |= {n: v for n, v in drawn.items() if v is not OMIT and v is not None}
    if "json_object" in json.dumps(body.get("response_format", "")):
        body["messages"].insert(0, {"role": "system", "content": "Answer in JSON. " + s.keep()})
    return body


def tools(s: Sampler, body: dict, fields: dict) -> None:
    s.tools = []
    if not s.chance(0.6):
        return
    functions = fields["tools"].shape.item.options[0]
    made = {t["function"]["name"]: t for t in s.some(lambda: s.of(functions, 0.6))}
    if s.chance(0.1):
        made["text_tool"] = {"type": "custom", "custom": {"name": "text_tool", "description": s.keep()}}
        if s.chance(0.5):
            made["text_tool"]["custom"]["format"] = {"type": "grammar", "grammar": {"syntax": "regex", "definition": s.keep()}}
    body["tools"] = list(made.values())
    s.tools = [tool_of(t) for t in body["tools"]]
    if s.chance(0.4):
        named = {"type": "function", "function": {"name": s.tools[0].name}}
        body["tool_choice"] = s.rng.choice(("none", "auto", "required", named))


def user(s: Sampler, roles: dict) -> dict:
    content = roles["user"].fields["content"].shape.options[1]
    return {"role": "user", "content": s.keep() if s.chance(0.5) else [s.of(content.item) for _ in range(s.rng.randint(1, 3))]}


def assistant_turn(s: Sampler, roles: dict) -> list[dict]:
    message: dict = {"role": "assistant", "content": s.keep() if s.chance(0.7) else [{"type": "text", "text": s.keep()}]}
    if s.chance(0.15):
        message["reasoning_content"] = s.free()
    if not s.tools or s.chance(0.4):
        return [message]
    calls = [Call(f"call_{s.number()}", t.name, call_args(s, t)) for t in s.rng.choices(s.tools, k=s.rng.randint(1, 2))]
    message["tool_calls"] = [call_json(c) for c in calls]
    if s.chance(0.6):
        message["content"] = None
    return [message] + [{"role": "tool", "tool_call_id": c.id, "content": result(s)} for c in calls]


def call_args(s: Sampler, tool: Tool) -> Any:
    return s.keep() if tool.schema is None else {"a": s.keep(), "n": [1, {"b": None}]}


def result(s: Sampler) -> Any:
    return s.keep() if s.chance(0.7) else [{"type": "text", "text": s.keep()} for _ in range(2)]
