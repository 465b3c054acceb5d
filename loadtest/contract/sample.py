"""Values of shapes, drawn by a seeded generator: what a client might send.

Words that begin with `keep` are a client's content: a provider must see each of them. What else is drawn begins with `free`.
"""

import base64
import functools
import random
import string
from collections.abc import Callable
from typing import Any

from shapes import Anything, Boolean, Choice, Field, Integer, List, Map, Null, Number, Record, Shape, Text, Words

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
PDF = b"%PDF-1.4\n%%EOF\n"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
OMIT = object()  # drawn in the place of a member that is to be left out
Made = dict[str, Callable[["Sampler"], Any]]


class Sampler:
    """Draws values. `made` says for `Record.member`, `Record` or `member` how it is drawn; what it does not name is drawn by its shape."""

    def __init__(self, rng: random.Random, made: Made):
        self.rng, self.made, self.count = rng, made, 0

    def number(self) -> int:
        self.count += 1
        return self.count

    def keep(self) -> str:
        return f"keep{self.number()}x " + self.rng.choice(("", "", "Grüße 東京 🌍", 'say "a\\b"', "<tag> & 1\n2"))

    def free(self) -> str:
        return f"free{self.number()}x"

    def media(self, of: bytes) -> str:
        """Base64 that no other media of the request has."""
        return base64.b64encode(of + f"{self.number():06}".encode()).decode()

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def some(self, make: Callable[[], Any], least: int = 1, most: int = 3) -> list:
        return [make() for _ in range(self.rng.randint(least, most))]

    def of(self, shape: Shape, share: float = 0.3, depth: int = 0) -> Any:
        """A value of the shape; optional members of its records are there by the share."""
        if isinstance(shape, Record):
            return self.record(shape, share, depth)
        if isinstance(shape, Choice):
            return self.of(self.option(shape), share, depth)
        if isinstance(shape, List):
            return [self.of(shape.item, share, depth + 1) for _ in range(self.rng.randint(1, 2))]
        if isinstance(shape, Map):
            return {self.free(): self.of(shape.value, share, depth + 1)}
        return self.plain(shape)

    def option(self, shape: Choice) -> Shape:
        options = [o for o in shape.options if not isinstance(o, Null)] or list(shape.options)
        usable = [o for o in options if self.made.get(getattr(o, "name", "")) is not OMIT]
        return self.rng.choice(usable or options)

    def record(self, shape: Record, share: float, depth: int) -> Any:
        if callable(self.made.get(shape.name)):
            return self.made[shape.name](self)
        drawn = {n: self.member(shape.name, n, f, share, depth) for n, f in shape.fields.items() if f.required or (depth < 6 and self.chance(share))}
        return {n: v for n, v in drawn.items() if v is not OMIT}

    def member(self, record: str, name: str, field: Field, share: float, depth: int) -> Any:
        make = self.made.get(f"{record}.{name}", self.made.get(name))
        if make is OMIT:
            return OMIT
        return make(self) if make else self.of(field.shape, share, depth + 1)

    def plain(self, shape: Shape) -> Any:
        if isinstance(shape, Words):
            return self.rng.choice(shape.values)
        made = {Text: self.free, Anything: self.free, Boolean: lambda: self.chance(0.5), Integer: lambda: self.rng.randint(1, 4), Null: lambda: None,
                Number: lambda: self.rng.choice((0.5, 1))}
        return made[type(shape)]()

    def name(self, most: int = 64) -> str:
        """A tool's name, now and then as long as it may be, and with characters that few expect."""
        length = most if self.chance(0.15) else self.rng.randint(1, 12)
        first = self.rng.choice(string.ascii_letters + "_")
        return first + "".join(self.rng.choices(string.ascii_letters + string.digits + "_-", k=length - 1))

    def schema(self, depth: int = 0) -> dict:
        """JSON Schema of an object, as tools' inputs have it."""
        if depth == 0 and self.chance(0.1):
            return self.rng.choice(({"type": "object"}, {"type": "object", "properties": {}}))
        names = [f"p{i}" for i in range(self.rng.randint(1, 3))]
        made: dict = {"type": "object", "properties": {n: self.property(depth + 1) for n in names}}
        if self.chance(0.6):
            made["required"] = names[: self.rng.randint(1, len(names))]
        if self.chance(0.3):
            made["additionalProperties"] = False
        if depth == 0 and self.chance(0.15):
            made["$defs"] = {"D": {"type": "object", "properties": {"d": {"type": "string"}}, "required": ["d"]}}
            made["properties"]["ref"] = {"$ref": "#/$defs/D"}
        if depth == 0 and self.chance(0.1):
            made["$schema"] = "http://json-schema.org/draft-07/schema#"
        return made

    def property(self, depth: int) -> dict:
        kinds: list[Callable[[], dict]] = [
            lambda: {"type": "string"},
            lambda: {"type": "string", "description": self.free(), "enum": ["a", "b"]},
            lambda: {"type": "string", "format": self.rng.choice(("date-time", "uri", "email", "uuid"))},
            lambda: {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[a-z]+$"},
            lambda: {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
            lambda: {"type": "number", "exclusiveMinimum": 0},
            lambda: {"type": "boolean"},
            lambda: {"type": ["string", "null"]},
            lambda: {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            lambda: {"const": "c"},
            lambda: {"type": "array"},
            lambda: {"type": "array", "items": self.property(depth + 1) if depth < 3 else {"type": "string"}, "minItems": 1},
        ]
        return self.schema(depth + 1) if depth < 3 and self.chance(0.15) else self.rng.choice(kinds)()


def instance(schema: Any, word: str, root: Any = None) -> Any:
    """A value that the schema allows: what a model would write."""
    root = schema if root is None else root
    if not isinstance(schema, dict):
        return {"any": word}
    if "$ref" in schema:
        return instance(functools.reduce(lambda at, part: at[part], schema["$ref"].removeprefix("#/").split("/"), root), word, root)
    for member in ("const", "default"):
        if member in schema:
            return schema[member]
    if schema.get("enum"):
        return schema["enum"][0]
    for member in ("anyOf", "oneOf", "allOf"):
        if schema.get(member):
            return instance(schema[member][0], word, root)
    return of_type(schema, word, root)


def of_type(schema: dict, word: str, root: Any) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {n: instance(s, word, root) for n, s in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), word, root)]
    return {"integer": 3, "number": 3.5, "boolean": True, "null": None}.get(kind, "abc" if "pattern" in schema else word)
