"""OpenAI's Responses."""

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses import response_create_params as params

from chat import refusal as refusal
from sample import OMIT, PDF, PNG, Made, Sampler
from shapes import Fault, Record, Shape
from talk import Ask, Call, Reply, Tool, loads, pieces
from typed import answer_of, request_of

USAGE = {"input_tokens": 11, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 0},
         "total_tokens": 18}
END = {"completed": "response.completed", "incomplete": "response.incomplete"}

NAME = "responses"
PATH = "/v1/responses"


def request_shape(stream: bool) -> Record:
    return request_of(params.ResponseCreateParamsStreaming if stream else params.ResponseCreateParamsNonStreaming)


# ---- what a request asks for


def ask(body: dict) -> Ask:
    tools = [Tool(t["name"], None if t["type"] == "custom" else t.get("parameters") or {"type": "object"})
             for t in body.get("tools") or [] if t["type"] in ("function", "custom")]
    form = (body.get("text") or {}).get("format") or {}
    schema = {"json_object": True, "json_schema": form.get("schema")}.get(form.get("type"))
    return Ask(tools, choice_of(body.get("tool_choice")), schema)


def choice_of(choice: Any) -> str:
    if not isinstance(choice, dict):
        return {"required": "any"}.get(choice, choice or "auto")
    if choice["type"] == "allowed_tools":
        return {"required": "any"}.get(choice["mode"], "auto")
    return ":" + choice.get("name", choice["type"])


# ---- how an upstream answers


def items(reply: Reply, number: int, thinks: bool) -> list[dict]:
    out: list[dict] = []
    if reply.thinking and thinks:
        out.append({"type": "reasoning", "id": f"rs_{number}", "summary": [{"type": "summary_text", "text": reply.thinking}], "encrypted_content": "c2VhbGVk"})
    if reply.text:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        out.append({"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [part]})
    return out + [call_item(c) for c in reply.calls]


def call_item(call: Call) -> dict:
    if isinstance(call.args, str):
        return {"type": "custom_tool_call", "id": "ctc" + call.id[4:], "call_id": call.id, "name": call.name, "input": call.args}
    return {"type": "function_call", "id": "fc" + call.id[4:], "call_id": call.id, "name": call.name, "arguments": json.dumps(call.args), "status": "completed"}


def plain(reply: Reply, number: int, body: dict, thinks: bool) -> dict:
    cut = reply.finish == "length"
    return {"id": f"resp_{number}", "object": "response", "created_at": 1, "status": "incomplete" if cut else "completed", "model": body["model"], "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None, "instructions": None, "metadata": {}, "output": items(reply, number, thinks),
            "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": USAGE}


def deltas_of(item: dict, at: dict) -> list[dict]:
    """The events between an item's first and its last."""
    kind = item["type"]
    if kind == "message":
        part, at = item["content"][0], at | {"content_index": 0}
        empty = {"type": "response.content_part.added", "part": part | {"text": ""}}
        text = [{"type": "response.output_text.delta", "delta": p, "logprobs": []} for p in pieces(part["text"])]
        done = [{"type": "response.output_text.done", "text": part["text"], "logprobs": []}, {"type": "response.content_part.done", "part": part}]
        return [at | e for e in [empty, *text, *done]]
    if kind == "reasoning":
        part, at = item["summary"][0], at | {"summary_index": 0}
        base = "response.reasoning_summary_"
        text = [{"type": base + "text.delta", "delta": p} for p in pieces(part["text"])] + [{"type": base + "text.done", "text": part["text"]}]
        return [at | e for e in [{"type": base + "part.added", "part": part | {"text": ""}}, *text, {"type": base + "part.done", "part": part}]]
    base, member = ("response.custom_tool_call_input.", "input") if kind == "custom_tool_call" else ("response.function_call_arguments.", "arguments")
    return [at | {"type": base + "delta", "delta": p} for p in pieces(item[member])] + [at | {"type": base + "done", member: item[member]}]


EMPTY = {"message": {"content": [], "status": "in_progress"}, "reasoning": {"summary": []}, "function_call": {"arguments": "", "status": "in_progress"},
         "custom_tool_call": {"input": ""}}


def stream(reply: Reply, number: int, body: dict, thinks: bool) -> list[tuple[str, Any]]:
    whole = plain(reply, number, body, thinks)
    early = whole | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[dict] = [{"type": "response.created", "response": early}, {"type": "response.in_progress", "response": early}]
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        events.append({"type": "response.output_item.added", "output_index": index, "item": item | EMPTY[item["type"]]})
        events += deltas_of(item, at)
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": END[whole["status"]], "response": whole})
    return [(e["type"], e | {"sequence_number": i}) for i, e in enumerate(events)]


# ---- what a client gets


def answer_shape() -> Shape:
    return answer_of(Response)


def event_shape() -> Shape:
    return answer_of(ResponseStreamEvent)


def known(fault: Fault) -> bool:
    """`store` stands in answers of the API (developers.openai.com, API reference, the response object's example), though in no type."""
    return fault.path in (".store", ".response.store")


def read(answer: dict) -> Reply:
    out = Reply()
    for item in answer["output"]:
        if item["type"] == "reasoning":
            out.thinking += "".join(p["text"] for p in item["summary"])
        elif item["type"] == "message":
            out.text += "".join(p.get("text", p.get("refusal", "")) for p in item["content"])
        elif item["type"] == "function_call":
            out.calls.append(Call(item["call_id"], item["name"], loads(item["arguments"])))
        elif item["type"] == "custom_tool_call":
            out.calls.append(Call(item["call_id"], item["name"], item["input"]))
    usage = answer.get("usage") or {}
    out.usage = usage.get("input_tokens"), usage.get("output_tokens")
    out.finish = "calls" if out.calls else "length" if answer["status"] == "incomplete" else "stop"
    return out


TEXTS = {"response.output_text": "text", "response.reasoning_summary_text": "text", "response.function_call_arguments": "arguments",
         "response.custom_tool_call_input": "input", "response.reasoning_text": "text", "response.refusal": "refusal"}


class Gathering:
    """Holds every event to those before it: the last one has the whole answer, and must say what the others said."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.added: list[dict] = []
        self.done: list[dict] = []
        self.texts: dict[tuple, str] = {}
        self.answer: dict | None = None

    def fault(self, what: str) -> None:
        self.faults.append(Fault("stream", what))

    def see(self, number: int, event: dict) -> None:
        kind = event["type"]
        if event.get("sequence_number") != number:
            self.fault("sequence_number does not count up from 0")
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            self.answer = event["response"]
        elif kind == "response.output_item.added":
            self.begin(event)
        elif kind == "response.output_item.done":
            self.end(event)
        elif kind.rpartition(".")[0] in TEXTS:
            self.text(kind, event)

    def begin(self, event: dict) -> None:
        if event["output_index"] != len(self.added):
            self.fault("output_index does not count up")
        self.added.append(event["item"])

    def end(self, event: dict) -> None:
        if event["output_index"] >= len(self.added) or self.added[event["output_index"]]["id"] != event["item"]["id"]:
            self.fault("an item ends that did not begin")
        self.done.append(event["item"])

    def text(self, kind: str, event: dict) -> None:
        base, _, step = kind.rpartition(".")
        key = (event["output_index"], event.get("content_index"), event.get("summary_index"))
        if event["output_index"] >= len(self.added) or self.added[event["output_index"]]["id"] != event["item_id"]:
            self.fault(f"{kind} names another item")
        if step == "delta":
            self.texts[key] = self.texts.get(key, "") + event["delta"]
        elif self.texts.get(key, "") != event[TEXTS[base]]:
            self.fault(f"{kind} is not the sum of its deltas")


def gather(events: list[tuple[str, Any]]) -> tuple[dict, list[Fault]]:
    at = Gathering()
    for number, (name, event) in enumerate(events):
        if name != event["type"]:
            at.fault("an event's name is not its type")
        at.see(number, event)
    if at.answer is None or events[-1][1].get("response") is not at.answer:
        at.fault("does not end with the whole answer")
    elif at.answer["output"] != at.done:
        at.fault("items that were done differ from the answer's output")
    return at.answer or {"output": at.done, "status": "none"}, at.faults


def shows_thinking(body: dict) -> bool:
    """Tell whether thoughts have to reach the client: it gets summaries if it asks for them."""
    return bool((body.get("reasoning") or {}).get("summary"))


def follow(body: dict, answer: dict, sampler: Sampler) -> dict:
    before = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    kinds = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
    results = [{"type": kinds[i["type"]], "call_id": i["call_id"], "output": sampler.keep()} for i in answer["output"] if i["type"] in kinds]
    return body | {"input": before + answer["output"] + (results or [{"role": "user", "content": sampler.keep()}])}


# ---- what a client might ask

MADE: Made = {
    "ResponseInputTextParam": lambda s: {"type": "input_text", "text": s.keep()},
    "ResponseInputImageParam": lambda s: {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64," + s.media(PNG)},
    "ResponseInputFileParam": lambda s: {"type": "input_file", "filename": s.free() + ".pdf", "file_data": "data:application/pdf;base64," + s.media(PDF)},
    "FunctionToolParam.name": lambda s: s.name(),
    "FunctionToolParam.parameters": lambda s: s.schema(),
    "FunctionToolParam.description": Sampler.keep,
    "FunctionToolParam.strict": lambda s: False,
    "FunctionToolParam.async": OMIT,
    "FunctionToolParam.defer_loading": OMIT,
    "FunctionToolParam.output_schema": OMIT,
    "FunctionToolParam.allowed_callers": OMIT,
    "ResponseFormatTextJSONSchemaConfigParam": lambda s: {"type": "json_schema", "name": s.name(), "schema": strict(s.schema(1)), "strict": True},
    "ResponseComputerToolCallOutputScreenshotParam": lambda s: {"type": "computer_screenshot", "image_url": "data:image/png;base64," + s.media(PNG)},
    "ComputerCallOutput.acknowledged_safety_checks": OMIT,
    "ImageGenerationCall.result": lambda s: s.media(PNG),
    "ResponseToolSearchOutputItemParamParam.tools": lambda s: [],
    "LocalShellCallOutput.output": Sampler.keep,
    "ApplyPatchCallOutput.output": Sampler.keep,
    "ResponseFunctionShellCallOutputContentParam": lambda s: {"stdout": s.keep(), "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
    "McpCall.output": Sampler.keep,
    "McpCall.error": OMIT,
    "caller": OMIT,
    "agent": OMIT,
    "access_programs": OMIT,
    "background": OMIT,  # asked for later
    "background_options": OMIT,
    "context_management": OMIT,
    "conversation": OMIT,  # what only the provider holds
    "previous_response_id": OMIT,
    "prompt": OMIT,
    "image": OMIT,
    "moderation": OMIT,
    "stream_options": OMIT,
    "input": OMIT,
    "model": OMIT,
    "stream": OMIT,
    "tools": OMIT,
    "tool_choice": OMIT,
    "instructions": Sampler.keep,
    "include": lambda s: ["reasoning.encrypted_content"],
    "max_output_tokens": lambda s: s.rng.choice((16, 4096)),
    "PromptCacheOptions.comparison_response_id": OMIT,
    "Reasoning.context": OMIT,
    "Reasoning.mode": OMIT,
    "Reasoning.generate_summary": OMIT,
    "top_logprobs": OMIT,
    "user": lambda s: s.free(),
}


def strict(schema: dict) -> dict:
    if schema.get("type") == "object":
        schema |= {"properties": schema.get("properties", {}), "additionalProperties": False}
        schema["required"] = list(schema["properties"])
        for inner in schema["properties"].values():
            strict(inner)
    if schema.get("type") == "array":
        strict(schema.setdefault("items", {"type": "string"}))
    return schema


def generate(s: Sampler) -> dict:
    fields = request_shape(False).fields
    parts = {o.name: o for o in fields["input"].shape.options[1].item.options[0].fields["content"].shape.options[1].item.options}
    body: dict = {}
    tools(s, body, fields)
    if s.chance(0.2):
        body["input"] = s.keep()
    else:
        body["input"] = [message(s, s.rng.choice(("system", "developer")), parts)] if s.chance(0.3) else []
        for _ in range(s.rng.randint(0, 2)):
            body["input"] += [message(s, "user", parts)] + assistant_turn(s, parts)
        body["input"].append(message(s, "user", parts))
    drawn = {n: s.member("Responses", n, f, 0.3, 1) for n, f in fields.items() if n not in body and s.chance(0.15)}
    body |= {n: v for n, v in drawn.items() if v is not OMIT and v is not None}
    if "json_object" in json.dumps(body.get("text", "")):
        body["instructions"] = "Answer in JSON. " + s.keep()
    return body


def tools(s: Sampler, body: dict, fields: dict) -> None:
    s.tools = []
    if not s.chance(0.6):
        return
    made = {t["name"]: t for t in s.some(lambda: s.of(fields["tools"].shape.item.options[0], 0.6))}
    if s.chance(0.2):
        made["text_tool"] = {"type": "custom", "name": "text_tool", "description": s.keep()}
        if s.chance(0.5):
            made["text_tool"]["format"] = {"type": "grammar", "syntax": "regex", "definition": s.keep()}
    body["tools"] = list(made.values())
    s.tools = ask(body).tools
    if s.chance(0.1):
        body["tools"].append({"type": "web_search"})
    if s.chance(0.4):
        first = s.tools[0]
        named = {"type": "custom" if first.schema is None else "function", "name": first.name}
        body["tool_choice"] = s.rng.choice(("none", "auto", "required", named))


def message(s: Sampler, role: str, parts: dict) -> dict:
    names = list(parts) if role == "user" else ["ResponseInputTextParam"]
    content = s.keep() if s.chance(0.4) else [s.of(parts[s.rng.choice(names)]) for _ in range(s.rng.randint(1, 3))]
    return {"role": role, "content": content} | ({"type": "message"} if s.chance(0.5) else {})


# What OpenAI's own tools did, and what their results are called.
HOSTED = {"ResponseFileSearchToolCallParam": None, "ResponseComputerToolCallParam": "ComputerCallOutput", "ResponseCodeInterpreterToolCallParam": None,
          "ShellCall": "ShellCallOutput", "ApplyPatchCall": "ApplyPatchCallOutput", "McpListTools": None, "McpCall": None, "LocalShellCall": "LocalShellCallOutput",
          "ToolSearchCall": "ResponseToolSearchOutputItemParamParam", "ImageGenerationCall": None}


def hosted(s: Sampler) -> list[dict]:
    items = {o.name: o for o in request_shape(False).fields["input"].shape.options[1].item.options}
    name = s.rng.choice(list(HOSTED))
    call = s.of(items[name])
    if not HOSTED[name]:
        return [call]
    output = s.of(items[HOSTED[name]])
    if name == "LocalShellCall":
        output["id"] = call["call_id"]
    else:
        call["call_id"] = output["call_id"] = f"call_{s.number()}"
    return [call, output]


def assistant_turn(s: Sampler, parts: dict) -> list[dict]:
    out: list[dict] = hosted(s) if s.chance(0.15) else []
    if s.chance(0.3):
        out.append({"type": "reasoning", "id": f"rs_{s.number()}", "summary": [{"type": "summary_text", "text": s.free()}] if s.chance(0.6) else [], "encrypted_content": "c2Vh"})
    if s.chance(0.1):
        out.append({"type": "web_search_call", "id": f"ws_{s.number()}", "status": "completed", "action": {"type": "search", "query": s.free()}})
    if s.chance(0.7):
        out.append(said(s))
    if s.tools and s.chance(0.6):
        out += called(s, parts)
    return out if any(i.get("role") == "assistant" or "call_id" in i for i in out) else out + [said(s)]


def said(s: Sampler) -> dict:
    if s.chance(0.3):
        return {"role": "assistant", "content": s.keep()}
    part = {"type": "refusal", "refusal": s.keep()} if s.chance(0.1) else {"type": "output_text", "text": s.keep(), "annotations": []}
    phase = {"phase": s.rng.choice(("commentary", "final_answer"))} if s.chance(0.3) else {}
    return {"type": "message", "id": f"msg_{s.number()}", "role": "assistant", "status": "completed", "content": [part]} | phase


def called(s: Sampler, parts: dict) -> list[dict]:
    chosen = s.rng.choices(s.tools, k=s.rng.randint(1, 2))
    calls = [call_item(Call(f"call_{s.number()}", t.name, s.keep() if t.schema is None else {"a": s.keep()})) for t in chosen]
    kinds = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
    outputs = [{"type": kinds[c["type"]], "call_id": c["call_id"], "output": output(s, parts)} for c in calls]
    between = [message(s, s.rng.choice(("user", "developer")), parts)] if s.chance(0.1) else []
    if s.chance(0.2):  # each result directly behind its call
        return [i for pair in zip(calls, outputs, strict=True) for i in pair]
    return calls + between + outputs


def output(s: Sampler, parts: dict) -> Any:
    return s.keep() if s.chance(0.6) else [s.of(parts[s.rng.choice(list(parts))]) for _ in range(s.rng.randint(1, 2))]
