"""Google's generateContent, at AI Studio and at Vertex."""

from typing import Any

from google.genai import types

from googles import studio_request, vertex
from sample import OMIT, PDF, PNG, WAV, Made, Sampler
from shapes import Fault, Record, Shape
from talk import Ask, Call, Reply, Tool, pieces
from typed import answer_of

USAGE = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}

NAME = "gemini"


def path(model: str, stream: bool) -> str:
    return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")


def request_shape(stream: bool, at_vertex: bool = False) -> Record:
    return vertex("GenerateContentRequest") if at_vertex else studio_request()


def refusal(faults: list[Fault]) -> dict:
    violations = [{"field": f.path.strip("."), "description": f.what} for f in faults]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
    return {"error": {"code": 400, "message": f"Invalid value at '{faults[0].path.strip('.')}': {faults[0].what}", "status": "INVALID_ARGUMENT", "details": details}}


# ---- what a request asks for


def ask(body: dict) -> Ask:
    declared = [d for t in body.get("tools") or [] for d in t.get("functionDeclarations") or []]
    tools = [Tool(d["name"], d.get("parametersJsonSchema") or d.get("parameters") or {"type": "object"}) for d in declared]
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = config.get("allowedFunctionNames") or []
    choice = {"NONE": "none", "ANY": "any"}.get(config.get("mode"), "auto")
    if choice == "any" and len(allowed) == 1:
        choice = ":" + allowed[0]
    return Ask(tools, choice, schema_of(body.get("generationConfig") or {}))


def schema_of(config: dict) -> Any:
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    return schema or (True if config.get("responseMimeType") == "application/json" else None)


# ---- how an upstream answers


def parts(reply: Reply, thinks: bool) -> list[dict]:
    out: list[dict] = [{"text": reply.thinking, "thought": True}] if reply.thinking and thinks else []
    if reply.text:
        out.append({"text": reply.text})
    for index, call in enumerate(reply.calls):
        part: dict = {"functionCall": {"name": call.name, "args": call.args}}
        out.append(part | {"thoughtSignature": "c2lnbmF0dXJl"} if index == 0 and thinks else part)
    return out


TEXT_SIGNATURE = "dGV4dCdzIHNpZ25hdHVyZQ=="


def signs(reply: Reply, thinks: bool) -> bool:
    """Tell whether the text is signed: where there are calls, the first of them is."""
    return thinks and bool(reply.text) and not reply.calls


def plain(reply: Reply, number: int, body: dict, thinks: bool) -> dict:
    said = parts(reply, thinks)
    if signs(reply, thinks):
        said[-1]["thoughtSignature"] = TEXT_SIGNATURE
    return answer(said, reply, number)


def answer(content: list[dict], reply: Reply, number: int, last: bool = True) -> dict:
    candidate: dict = {"content": {"role": "model", "parts": content}, "index": 0}
    if last:
        candidate["finishReason"] = "MAX_TOKENS" if reply.finish == "length" else "STOP"
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": f"r{number}"}


def stream(reply: Reply, number: int, body: dict, thinks: bool) -> list[tuple[str, Any]]:
    split = [dict(p, text=t) for p in parts(reply, thinks) if "text" in p for t in pieces(p["text"])]
    split += [p for p in parts(reply, thinks) if "text" not in p]
    if signs(reply, thinks):  # streams have it at their end
        split.append({"text": "", "thoughtSignature": TEXT_SIGNATURE})
    last = len(split) - 1
    return [("", answer([p], reply, number, i == last)) for i, p in enumerate(split)]


# ---- what a client gets


def answer_shape() -> Shape:
    return answer_of(types.GenerateContentResponse)


event_shape = answer_shape


def known(fault: Fault) -> bool:
    return False


def read(answer: dict) -> Reply:
    out = Reply()
    candidate = answer["candidates"][0]
    for part in candidate["content"].get("parts") or []:
        if part.get("thought"):
            out.thinking += part.get("text", "")
        elif "text" in part:
            out.text += part["text"]
        elif "functionCall" in part:
            call = part["functionCall"]
            out.calls.append(Call(call.get("id", ""), call["name"], call.get("args", {})))
    finish = {"STOP": "stop", "MAX_TOKENS": "length"}.get(candidate.get("finishReason"), str(candidate.get("finishReason")))
    out.finish = "calls" if out.calls and finish == "stop" else finish
    usage = answer.get("usageMetadata") or {}
    out.usage = usage.get("promptTokenCount"), usage.get("candidatesTokenCount")
    return out


def gather(events: list[tuple[str, Any]]) -> tuple[dict, list[Fault]]:
    faults: list[Fault] = []
    made: list[dict] = []
    finish = None
    for _, event in events:
        for candidate in event.get("candidates") or []:
            if finish is not None:
                faults.append(Fault("stream", "goes on behind finishReason"))
            finish = candidate.get("finishReason")
            for part in (candidate.get("content") or {}).get("parts") or []:
                join(made, part)
    if finish is None:
        faults.append(Fault("stream", "does not end with finishReason"))
    usage = next((e["usageMetadata"] for _, e in reversed(events) if e.get("usageMetadata")), None)
    return {"candidates": [{"content": {"role": "model", "parts": made}, "finishReason": finish}], "usageMetadata": usage}, faults


def join(made: list[dict], part: dict) -> None:
    if made and "text" in part and "text" in made[-1] and part.get("thought") == made[-1].get("thought") and "thoughtSignature" not in made[-1]:
        made[-1] = made[-1] | part | {"text": made[-1]["text"] + part["text"]}
    else:
        made.append(part)


def shows_thinking(body: dict) -> bool:
    """Tell whether thoughts have to reach the client."""
    return bool(((body.get("generationConfig") or {}).get("thinkingConfig") or {}).get("includeThoughts"))


def follow(body: dict, answer: dict, sampler: Sampler) -> dict:
    content = answer["candidates"][0]["content"]
    calls = [p["functionCall"] for p in content["parts"] if "functionCall" in p]
    results = [{"functionResponse": {k: c[k] for k in ("id", "name") if k in c} | {"response": {"output": sampler.keep()}}} for c in calls]
    return body | {"contents": body["contents"] + [content, {"role": "user", "parts": results or [{"text": sampler.keep()}]}]}


# ---- what a client might ask

MADE: Made = {
    "seed": lambda s: 7,
    "topK": lambda s: s.rng.choice((1, 40)),
    "topP": lambda s: 0.5,
    "candidateCount": lambda s: 1,
    "maxOutputTokens": lambda s: s.rng.choice((256, 4096)),
    "stopSequences": lambda s: s.some(s.free, 1, 5),
    "logprobs": OMIT,
    "responseLogprobs": OMIT,
    "responseSchema": OMIT,
    "responseJsonSchema": OMIT,
    "responseMimeType": OMIT,
    "responseModalities": OMIT,
    "responseFormat": OMIT,
    "speechConfig": OMIT,
    "imageConfig": OMIT,
    "audioTranscriptionConfig": OMIT,
    "enableEnhancedCivicAnswers": OMIT,
    "thinkingConfig": lambda s: s.rng.choice(({"thinkingBudget": 0}, {"thinkingBudget": -1}, {"thinkingBudget": 1024, "includeThoughts": True},
                                              {"thinkingLevel": "LOW"}, {"thinkingLevel": "HIGH", "includeThoughts": True}, {"includeThoughts": True})),
    "safetySettings": lambda s: [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
}


def generate(s: Sampler) -> dict:
    fields = request_shape(False).fields
    body: dict = {}
    tools(s, body)
    contents: list[dict] = []
    for _ in range(s.rng.randint(0, 2)):
        contents += [user(s)] + model_turn(s)
    body["contents"] = contents + [user(s)]
    if s.chance(0.4):
        body["systemInstruction"] = {"parts": [{"text": s.keep()}]} | ({"role": "user"} if s.chance(0.3) else {})
    if s.chance(0.2):
        body["safetySettings"] = MADE["safetySettings"](s)
    config = {n: s.member("Config", n, f, 0.3, 1) for n, f in fields["generationConfig"].shape.fields.items() if s.chance(0.15)}
    config = {n: v for n, v in config.items() if v is not OMIT and v is not None}
    if s.chance(0.15):
        config |= output(s)
    if config or s.chance(0.1):
        body["generationConfig"] = config
    return body


def upper(schema: dict) -> dict:
    """The schema as Google's own Schema has it."""
    types_of = {"anyOf", "items"}
    kept = ("description", "enum", "format", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "pattern", "default", "required")
    made: dict = {k: v for k, v in schema.items() if k in kept and k not in types_of}
    kind = schema.get("type", "string" if "const" in schema else None)
    if isinstance(kind, list):
        made["nullable"], kind = True, kind[0]
    if kind:
        made["type"] = kind.upper()
    for name in ("minItems", "maxItems", "minLength", "maxLength"):
        if name in made:
            made[name] = str(made[name])
    if "anyOf" in schema:
        made["anyOf"] = [upper(o) for o in schema["anyOf"]]
    if kind == "array":
        made["items"] = upper(schema.get("items", {"type": "string"}))
    if "properties" in schema:
        made["properties"] = {n: upper(p) for n, p in schema["properties"].items() if "$ref" not in p}
        made["required"] = [r for r in made.get("required", []) if r in made["properties"]]
    return made


def output(s: Sampler) -> dict:
    schema = s.rng.choice((s.schema(1), {"type": "array", "items": s.schema(2)}, {"type": "string", "enum": ["a", "b"]}))
    form = s.rng.choice(({"responseSchema": upper(schema)}, {"responseJsonSchema": schema}, {}))
    return {"responseMimeType": "application/json"} | form


def tools(s: Sampler, body: dict) -> None:
    s.tools = []
    if not s.chance(0.6):
        return
    made: dict[str, dict] = {}
    for _ in range(s.rng.randint(1, 3)):
        form = s.rng.choice(("parameters", "parametersJsonSchema", None))
        declared: dict = {"name": s.name(), "description": s.keep()}
        if form:
            declared[form] = upper(s.schema()) if form == "parameters" else s.schema()
        made[declared["name"]] = declared
    body["tools"] = [{"functionDeclarations": list(made.values())}]
    s.tools = ask(body).tools
    if s.chance(0.1):
        body["tools"].append({"googleSearch": {}})
    if s.chance(0.4):
        mode = s.rng.choice(("AUTO", "ANY", "NONE"))
        names = {"allowedFunctionNames": [s.tools[0].name]} if mode == "ANY" and s.chance(0.5) else {}
        body["toolConfig"] = {"functionCallingConfig": {"mode": mode} | names}


def media(s: Sampler) -> dict:
    kind, data = s.rng.choice((("image/png", PNG), ("application/pdf", PDF), ("audio/wav", WAV)))
    return {"inlineData": {"mimeType": kind, "data": s.media(data)}}


def user(s: Sampler) -> dict:
    content = [media(s) if s.chance(0.25) else {"text": s.keep()} for _ in range(s.rng.randint(1, 3))]
    return {"parts": content} | ({"role": "user"} if s.chance(0.8) else {})


def model_turn(s: Sampler) -> list[dict]:
    content: list[dict] = [{"text": s.free(), "thought": True}] if s.chance(0.2) else []
    if s.chance(0.1):
        content += [{"executableCode": {"language": "PYTHON", "code": s.free()}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": s.free()}}]
    if s.chance(0.7):
        content.append({"text": s.keep()} | ({"thoughtSignature": "c2ln"} if s.chance(0.2) else {}))
    if not s.tools or s.chance(0.4):
        return [{"role": "model", "parts": content or [{"text": s.keep()}]}]
    ids = s.chance(0.5)
    calls = [{"name": t.name, "args": {"a": s.keep()}} | ({"id": f"call_{s.number()}"} if ids else {}) for t in s.rng.choices(s.tools, k=s.rng.randint(1, 2))]
    content += [{"functionCall": c} | ({"thoughtSignature": "c2ln"} if i == 0 and s.chance(0.7) else {}) for i, c in enumerate(calls)]
    results = [{"functionResponse": {k: c[k] for k in ("id", "name") if k in c} | {"response": {s.rng.choice(("output", "result", "error")): s.keep()}}} for c in calls]
    return [{"role": "model", "parts": content}, {"role": s.rng.choice(("user", "user", "function")), "parts": results}]
