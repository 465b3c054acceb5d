#!/usr/bin/env python3
"""Prints every member that the installed packages know of each format, a line each, so that two versions of them can be compared.

`make contract-newer` does that with the newest versions.
"""

from botocore.model import ListShape, MapShape, StructureShape

import bedrock
import chat
import cohere_chat
import dialects
import gemini
import messages
import responses
from shapes import Choice, List, Map, Record, Shape, Words


def said(shape: Shape) -> str:
    if isinstance(shape, Record):
        return shape.name
    if isinstance(shape, (List, Map)):
        return type(shape).__name__.lower() + " of " + said(shape.item if isinstance(shape, List) else shape.value)
    if isinstance(shape, Words):
        return " | ".join(map(repr, shape.values))
    if isinstance(shape, Choice):
        return " or ".join(sorted({said(o) for o in shape.options}))
    return type(shape).__name__.lower()


def inside(shape: Shape) -> list[Shape]:
    if isinstance(shape, Choice):
        return list(shape.options)
    return [shape.item] if isinstance(shape, List) else [shape.value] if isinstance(shape, Map) else []


def lines(shape: Shape, seen: set[str]) -> list[str]:
    if not isinstance(shape, Record):
        return [line for s in inside(shape) for line in lines(s, seen)]
    if shape.name in seen:
        return []
    seen.add(shape.name)
    own = [f"{shape.name}.{n}{' required' if f.required else ''}: {said(f.shape)}" for n, f in shape.fields.items()]
    return own + [line for f in shape.fields.values() for line in lines(f.shape, seen)]


def service_lines(shape, seen: set[str]) -> list[str]:
    if shape.name in seen:
        return []
    seen.add(shape.name)
    if isinstance(shape, StructureShape):
        own = [f"{shape.name}.{n}{' required' if n in shape.required_members else ''}: {m.name} {m.metadata}" for n, m in shape.members.items()]
        return own + [line for m in shape.members.values() for line in service_lines(m, seen)]
    if isinstance(shape, ListShape):
        return service_lines(shape.member, seen)
    return service_lines(shape.value, seen) if isinstance(shape, MapShape) else []


def main() -> None:
    shapes = {
        "chat": [chat.request_shape(False), chat.answer_shape(), chat.event_shape()],
        "responses": [responses.request_shape(False), responses.answer_shape(), responses.event_shape()],
        "messages": [messages.request_shape(False, older=False), messages.request_shape(False, betas=True, older=False), messages.answer_shape(), messages.event_shape()],
        "gemini": [gemini.request_shape(False), gemini.answer_shape()],
        "hosts": [dialects.request_shape(n, False) for n in dialects.HOSTS.values()],
        "vertex": [gemini.request_shape(False, at_vertex=True)],
        "cohere": [cohere_chat.request_shape(False)],
    }
    for name, of in shapes.items():
        print(*sorted({f"{name} {line}" for shape in of for line in lines(shape, set())}), sep="\n")
    operation = bedrock.service().operation_model("ConverseStream")
    print(*sorted(f"converse {line}" for line in service_lines(operation.input_shape, set())), sep="\n")


if __name__ == "__main__":
    main()
