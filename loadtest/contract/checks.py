"""What the rows of `rules.py` are made of: small checks of paths, and those of the order of turns, which need a function of their own."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Found = Iterable[tuple[str, str]]
Check = Callable[[dict], Found]


# ---- what rows are made of


def at(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Everything under a path: `tools[].function.name`."""
    name, _, rest = path.partition(".")
    inner = value.get(name.removesuffix("[]")) if isinstance(value, dict) else None
    if inner is None:
        return
    if not name.endswith("[]"):
        yield from ((name + "." + p, v) for p, v in at(inner, rest)) if rest else [(name, inner)]
        return
    for index, item in enumerate(inner if isinstance(inner, list) else []):
        yield from ((f"{name[:-2]}[{index}].{p}", v) for p, v in at(item, rest)) if rest else [(f"{name[:-2]}[{index}]", item)]


def each(paths: str, wrong: Callable[[Any], str | None]) -> Check:
    def check(body: dict) -> Found:
        return [(p, said) for path in paths.split() for p, v in at(body, path) if (said := wrong(v))]

    return check


def longest(paths: str, most: int) -> Check:
    return each(paths, lambda v: f"longer than {most}" if isinstance(v, (str, list, dict)) and len(v) > most else None)


def shortest(paths: str, least: int) -> Check:
    return each(paths, lambda v: f"shorter than {least}" if isinstance(v, (str, list)) and len(v) < least else None)


def matching(paths: str, pattern: str) -> Check:
    return each(paths, lambda v: None if isinstance(v, str) and re.fullmatch(pattern, v) else f"does not match {pattern}")


def between(paths: str, least: float, most: float) -> Check:
    return each(paths, lambda v: None if not isinstance(v, (int, float)) or least <= v <= most else f"is not in {least} to {most}")


def absent(paths: str, unless: Callable[[dict], bool] = lambda body: False) -> Check:
    told = each(paths, lambda v: "is not supported with this model")
    return lambda body: [] if unless(body) else told(body)


def words(path: str, known: str) -> Check:
    return each(path, lambda v: None if v in known.split() else f"{v!r} is not supported with this model")


def needs(path: str, other: str) -> Check:
    """What is at the path must be accompanied by what is at the other."""
    return lambda body: [(p, f"needs {other}") for p, _ in at(body, path) if not any(v for _, v in at(body, other))]


# ---- rules of their own


def asleep(body: dict) -> bool:
    """Tell whether the request switches thinking off."""
    return effort(body) == "none"


def not_awake(body: dict) -> bool:
    """The same for models that think only if they are told to."""
    return effort(body) in (None, "none")


def effort(body: dict) -> Any:
    return body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")


def chat_turns(body: dict) -> Found:
    waiting: list[str] = []
    for i, m in enumerate(body["messages"]):
        path = f"messages[{i}]"
        if m["role"] == "tool":
            if m.get("tool_call_id") not in waiting:
                yield path, "a tool message must be a response to a preceding message with tool_calls"
            else:
                waiting.remove(m["tool_call_id"])
            continue
        if waiting:
            yield path, "an assistant message with tool_calls must be followed by tool messages responding to each tool_call_id"
        waiting = [c["id"] for c in m.get("tool_calls") or []] if m["role"] == "assistant" else []
    if waiting:
        yield "messages", "an assistant message with tool_calls must be followed by tool messages responding to each tool_call_id"


def chat_content(body: dict) -> Found:
    for i, m in enumerate(body["messages"]):
        calls = m["role"] == "assistant" and (m.get("tool_calls") or m.get("function_call") or m.get("refusal") or m.get("audio"))
        if m.get("content") in (None, []) and not calls:
            yield f"messages[{i}].content", "is empty, and there are no tool_calls"
        if m.get("tool_calls") == []:
            yield f"messages[{i}].tool_calls", "empty array"


FOLLOW = {"system": "user assistant system", "user": "assistant system user", "assistant": "assistant user tool", "tool": "assistant tool"}


def mistral_turns(body: dict) -> Found:
    """_validate_message_order and _validate_last_message of mistral-common, with what the servers of its models refused beyond it until 2026: the user behind results."""
    messages = body["messages"]
    for i, (before, m) in enumerate(zip(messages, messages[1:]), 1):
        if m["role"] not in FOLLOW[before["role"]].split():
            yield f"messages[{i}]", f"Unexpected role '{m['role']}' after role '{before['role']}'"
    if len(messages) > 1 and messages[-1]["role"] == "assistant" and not messages[-1].get("prefix"):
        yield "messages", "Expected last role User or Tool (or Assistant with prefix) for serving but got assistant"


def text_errors(body: dict) -> Found:
    for path, block in at(body, "messages[].content[]"):
        if block.get("is_error") and isinstance(block.get("content"), list) and any(b["type"] != "text" for b in block["content"]):
            yield path, "all content must be type text if is_error is true"


def same_ids(body: dict) -> Found:
    for i, m in enumerate(body["messages"]):
        ids = [c["id"] for c in m.get("tool_calls") or []]
        if len(set(ids)) < len(ids):
            yield f"messages[{i}].tool_calls", "two calls have one id"


def pdf_only(url: Any) -> str | None:
    return None if str(url).startswith("data:application/pdf") else "expected a file with an application/pdf MIME type"


def json_word(where: str) -> Check:
    def check(body: dict) -> Found:
        form = body.get("response_format") or (body.get("text") or {}).get("format") or {}
        said = json.dumps([body.get(w) for w in where.split()])
        if form.get("type") == "json_object" and "json" not in said.lower():
            yield where.split()[0], "must contain the word json, to use the format json_object"

    return check


TOP = ("anyOf", "oneOf", "allOf", "enum", "not")


def openai_schema(schema: Any, top: bool = True) -> str | None:
    """What OpenAI's check of parameters refuses without strict."""
    if not isinstance(schema, dict):
        return None
    if top and (schema.get("type") != "object" or any(k in schema for k in TOP)):
        return "schema must have type object and no anyOf, oneOf, allOf, enum or not at the top level"
    if top and "properties" not in schema:
        return "object schema missing properties"
    if schema.get("type") == "array" and "items" not in schema:
        return "array schema missing items"
    inner = list((schema.get("properties") or {}).values()) + [schema.get("items")] + list(schema.get("anyOf") or [])
    return next((said for i in inner if (said := openai_schema(i, False))), None)


def strict_schema(schema: Any, top: bool = True) -> str | None:
    """What strict mode asks of a schema."""
    if not isinstance(schema, dict):
        return None
    if top and schema.get("type") != "object":
        return "schema must be of type object"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "additionalProperties is required to be supplied and to be false"
    if schema.get("type") == "object" and set(schema.get("required") or []) != set(schema.get("properties") or {}):
        return "required is required to be supplied and to include every key in properties"
    if schema.get("type") == "array" and "items" not in schema:
        return "array schema missing items"
    inner = list((schema.get("properties") or {}).values()) + [schema.get("items")] + list(schema.get("anyOf") or []) + list((schema.get("$defs") or {}).values())
    return next((said for i in inner if (said := strict_schema(i, False))), None)


def strict_tools(body: dict) -> Found:
    for i, tool in enumerate(body.get("tools") or []):
        inner = tool.get("function", tool)
        said = strict_schema(inner["parameters"]) if inner.get("strict") and isinstance(inner.get("parameters"), dict) else None
        if said:
            yield f"tools[{i}].parameters", said


def strict_format(body: dict) -> Found:
    form = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    inner = form.get("json_schema", form)
    if form.get("type") == "json_schema":
        schema = inner.get("schema")
        said = strict_schema(schema) if inner.get("strict") else None if isinstance(schema, dict) and schema.get("type") == "object" else "schema must be of type object"
        if said:
            yield "response_format.schema", said


def chosen_tool_is_there(body: dict) -> Found:
    choice = body.get("tool_choice")
    tools = [(t["type"], t.get(t["type"], t).get("name")) for t in body.get("tools") or []]
    if isinstance(choice, dict) and choice["type"] in ("function", "custom"):
        if (choice["type"], choice.get(choice["type"], choice)["name"]) not in tools:
            yield "tool_choice", "tool not found in tools"


def response_calls(body: dict) -> Found:
    """Each output answers a call, and each call has its output."""
    items = body["input"] if isinstance(body["input"], list) else []
    calls = [i["call_id"] for i in items if i.get("type") in ("function_call", "custom_tool_call")]
    outputs = [i.get("call_id") for i in items if i.get("type") in ("function_call_output", "custom_tool_call_output")]
    for missing in set(calls) - set(outputs):
        yield "input", "No tool output found for function call"
    for missing in set(outputs) - set(calls):
        yield "input", "No tool call found for function call output"


def response_ids(body: dict) -> Found:
    prefixes = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}
    for n, i in enumerate(body["input"] if isinstance(body["input"], list) else []):
        prefix = prefixes.get(i.get("type"))
        if prefix and i.get("id") and not i["id"].startswith(prefix):
            yield f"input[{n}].id", f"expected an ID that begins with '{prefix}' "


def claude_turns(body: dict) -> Found:
    messages = body["messages"]
    if messages and messages[0]["role"] != "user":
        yield "messages[0].role", "first message must use the user role"
    waiting: list[str] = []
    previous = None
    for i, m in enumerate(messages):
        blocks = m["content"] if isinstance(m["content"], list) else []
        results = [b.get("tool_use_id") for b in blocks if b["type"] == "tool_result"]
        if set(waiting) - set(results):
            yield f"messages[{i}]", "tool_use ids were found without tool_result blocks immediately after"
        if set(results) - set(waiting):
            yield f"messages[{i}]", "unexpected tool_use_id in tool_result: each must have a tool_use in the previous message"
        if results and any(b["type"] != "tool_result" for b in blocks[: len(results)]):
            yield f"messages[{i}]", "tool_result blocks must come first"
        waiting = [b["id"] for b in blocks if b["type"] == "tool_use"]
        if len(set(waiting)) < len(waiting):
            yield f"messages[{i}]", "tool_use ids must be unique"
        previous = m["role"]
    if waiting:
        yield "messages", "tool_use ids were found without tool_result blocks immediately after"
    if previous == "assistant" and messages and isinstance(messages[-1]["content"], str) and messages[-1]["content"].endswith(" "):
        yield "messages", "final assistant content cannot end with trailing whitespace"


def claude_content(body: dict) -> Found:
    for i, m in enumerate(body["messages"]):
        last = i == len(body["messages"]) - 1 and m["role"] == "assistant"
        if m["content"] in ("", []) and not last:
            yield f"messages[{i}].content", "all messages must have non-empty content except for the optional final assistant message"
        for j, b in enumerate(m["content"] if isinstance(m["content"], list) else []):
            if b["type"] == "text" and not b["text"].strip():
                yield f"messages[{i}].content[{j}].text", "text content blocks must contain non-whitespace text"
            if b["type"] == "search_result" and not b["content"]:
                yield f"messages[{i}].content[{j}].content", "a search result must have at least one text block"
            if m["role"] == "assistant" and b["type"] in ("image", "document"):
                yield f"messages[{i}].content[{j}]", f"{b['type']} blocks are not permitted within assistant turns"


def claude_thinking(body: dict) -> Found:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        if thinking["budget_tokens"] < 1024:
            yield "thinking.budget_tokens", "must be at least 1024"
        if thinking["budget_tokens"] >= body["max_tokens"]:
            yield "max_tokens", "must be greater than thinking.budget_tokens"
    if thinking.get("type") in ("enabled", "adaptive"):
        if body.get("temperature") not in (None, 1):
            yield "temperature", "may only be set to 1 when thinking is enabled"
        if body.get("top_k") is not None:
            yield "top_k", "must be unset when thinking is enabled"
        if body.get("top_p") is not None and body["top_p"] < 0.95:
            yield "top_p", "must be at least 0.95 when thinking is enabled"
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "tool_choice", "thinking may not be enabled when tool_choice forces tool use"


def claude_caches(body: dict) -> Found:
    marked = json.dumps([body.get(k) for k in ("tools", "system", "messages")]).count('"cache_control": {')
    if marked > 4:
        yield "cache_control", "a maximum of 4 blocks with cache_control may be provided"


def claude_choice(body: dict) -> Found:
    choice = body.get("tool_choice") or {}
    if choice and not body.get("tools"):
        yield "tool_choice", "may only be specified while providing tools"
    if choice.get("type") == "tool" and choice["name"] not in [t.get("name") for t in body.get("tools") or []]:
        yield "tool_choice.name", "tool not found in provided tools"


def unique_tools(names: str) -> Check:
    def check(body: dict) -> Found:
        found = [v for path in names.split() for _, v in at(body, path)]
        return [("tools", "tool names must be unique")] if len(set(found)) < len(found) else []

    return check


def gemini_turns(body: dict) -> Found:
    contents = body["contents"]
    for i, c in enumerate(contents):
        parts = c.get("parts") or []
        if not parts:
            yield f"contents[{i}].parts", "must include at least one parts field"
        calls = [p for p in parts if "functionCall" in p]
        answers = [p for p in (contents[i + 1].get("parts") or [] if i + 1 < len(contents) else []) if "functionResponse" in p]
        if calls and len(calls) != len(answers):
            yield f"contents[{i}]", "the number of function response parts is not equal to the number of function call parts of the function call turn"
        if any("functionResponse" in p for p in parts) and not (i and any("functionCall" in p for p in contents[i - 1].get("parts") or [])):
            yield f"contents[{i}]", "function response turn must come immediately after a function call turn"
        if calls and (i == 0 or contents[i - 1].get("role", "user") not in ("user", "function")):
            yield f"contents[{i}]", "function call turn must come immediately after a user turn or after a function response turn"


DATA = ("text", "inlineData", "functionCall", "functionResponse", "fileData", "executableCode", "codeExecutionResult", "toolCall", "toolResponse")


def gemini_parts(body: dict) -> Found:
    for path, part in at(body, "contents[].parts[]"):
        if sum(k in part for k in DATA) != 1:
            yield path, "required oneof field data must have one initialized field"


def gemini_names(body: dict) -> Found:
    for path in ("tools[].functionDeclarations[]", "contents[].parts[].functionCall", "contents[].parts[].functionResponse"):
        yield from ((p, "name is required") for p, v in at(body, path) if not v.get("name"))


def gemini_allowed(body: dict) -> Found:
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    declared = {v for _, v in at(body, "tools[].functionDeclarations[].name")}
    if set(config.get("allowedFunctionNames") or []) - declared:
        yield "toolConfig.functionCallingConfig.allowedFunctionNames", "should be a subset of the declared functions"
    if config.get("allowedFunctionNames") and config.get("mode") not in ("ANY", "VALIDATED"):
        yield "toolConfig.functionCallingConfig.allowedFunctionNames", "may only be set with the mode ANY"
    if config.get("mode") == "ANY" and not declared:
        yield "toolConfig.functionCallingConfig.mode", "function calling config is set without function_declarations"


def gemini_schema(schema: Any) -> str | None:
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "ARRAY" and "items" not in schema:
        return "items: missing field"
    if schema.get("type") == "OBJECT" and schema.get("properties") == {}:
        return "properties: should be non-empty for OBJECT type"
    if set(schema.get("required") or []) - set(schema.get("properties") or {}):
        return "required: property is not defined"
    if schema.get("enum") and schema.get("type") not in ("STRING", None):
        return "enum: only allowed for STRING type"
    inner = list((schema.get("properties") or {}).values()) + [schema.get("items")] + list(schema.get("anyOf") or [])
    return next((said for i in inner if (said := gemini_schema(i))), None)


def one_schema(body: dict) -> Found:
    for path, d in at(body, "tools[].functionDeclarations[]"):
        if "parameters" in d and "parametersJsonSchema" in d:
            yield path, "parameters and parametersJsonSchema are mutually exclusive"
    config = body.get("generationConfig") or {}
    if ("responseSchema" in config or "responseJsonSchema" in config) and config.get("responseMimeType") not in ("application/json", "text/x.enum"):
        yield "generationConfig.responseMimeType", "must be application/json where there is a schema"


def converse_turns(body: dict) -> Found:
    messages = body["messages"]
    if messages and messages[0]["role"] != "user":
        yield "messages[0]", "a conversation must start with a user message"
    waiting: set[str] = set()
    previous = None
    for i, m in enumerate(messages):
        if m["role"] == previous:
            yield f"messages[{i}]", "roles must alternate between user and assistant"
        previous = m["role"]
        results = {b["toolResult"]["toolUseId"] for b in m["content"] if "toolResult" in b}
        if results != waiting:
            yield f"messages[{i}]", "toolResult blocks must answer exactly the toolUse blocks of the previous turn"
        waiting = {b["toolUse"]["toolUseId"] for b in m["content"] if "toolUse" in b}
        if not m["content"]:
            yield f"messages[{i}].content", "is empty"
    if waiting:
        yield "messages", "toolUse blocks without toolResult"


def converse_content(body: dict) -> Found:
    for path, block in at(body, "messages[].content[]"):
        role = body["messages"][int(path.split("[")[1].split("]")[0])]["role"]
        if role == "assistant" and ("image" in block or "document" in block):
            yield path, "image and document blocks are not permitted within assistant turns"
        if "text" in block and not block["text"].strip():
            yield path, "the text field in the ContentBlock object is blank"
    uses = any("toolUse" in b or "toolResult" in b for _, b in at(body, "messages[].content[]"))
    if uses and not body.get("toolConfig"):
        yield "toolConfig", "must be defined when using toolUse and toolResult content blocks"


def document_needs_text(body: dict) -> Found:
    for path, message in at(body, "messages[]"):
        if any("document" in b for b in message["content"]) and not any("text" in b for b in message["content"]):
            yield path, "a message with a document must have a text block"


def alone(body: dict) -> Found:
    for path, message in at(body, "messages[]"):
        kinds = {"toolResult" in b for b in message["content"]}
        if len(kinds) > 1:
            yield path, "tool results and other content cannot be in one turn"


def cohere_turns(body: dict) -> Found:
    waiting: set[str] = set()
    for i, m in enumerate(body["messages"]):
        if m["role"] == "tool":
            if m["tool_call_id"] not in waiting:
                yield f"messages[{i}]", "tool_call_id is not found in the previous tool calls"
            waiting.discard(m["tool_call_id"])
            continue
        if waiting:
            yield f"messages[{i}]", "all tool calls must be answered by tool messages"
        waiting = {c["id"] for c in m.get("tool_calls") or []}
        if not m.get("content") and not m.get("tool_calls"):
            yield f"messages[{i}]", "must have content or tool_calls"
