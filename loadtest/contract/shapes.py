"""The forms that JSON may have, as vendors publish them, and what is wrong with a value that should have one.

`typed.py` and `google.py` make shapes from packages; nothing here knows a format.
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    path: str
    what: str

    @property
    def kind(self) -> str:
        """The fault without what differs between requests: numbers of elements and quoted values."""
        said = re.sub(r"'[^']*'(?= is | and | on )", "'…'", self.what)
        return re.sub(r"\[\d+\]", "[]", self.path.lstrip(".")) + ": " + re.sub(r"(Non)?Streaming$", "", said)


def word(value: Any) -> str:
    """What JSON calls the value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {str: "string", int: "integer", float: "number", list: "array", dict: "object"}[type(value)]


class Shape:
    takes: frozenset[str] = frozenset()  # words of JSON's types

    def fits(self, value: Any) -> bool:
        """Tell at a glance whether the value is meant to have this shape."""
        return word(value) in self.takes

    def faults(self, value: Any, path: str) -> list[Fault]:
        if self.fits(value):
            return []
        return [Fault(path, f"{word(value)} where {' or '.join(sorted(self.takes))} is expected")]


class Anything(Shape):
    takes = frozenset(("null", "boolean", "string", "integer", "number", "array", "object"))


class Text(Shape):
    takes = frozenset(("string",))


class Number(Shape):
    takes = frozenset(("integer", "number"))


class Integer(Shape):
    takes = frozenset(("integer",))


class Int64(Integer):
    """An integer as protocol buffers have it in JSON: its digits may stand in a string."""

    def fits(self, value: Any) -> bool:
        return super().fits(value) or (isinstance(value, str) and value.lstrip("-").isdigit())


class Boolean(Shape):
    takes = frozenset(("boolean",))


class Null(Shape):
    takes = frozenset(("null",))


@dataclass
class Words(Shape):
    """One of a few values."""

    values: tuple

    def fits(self, value: Any) -> bool:
        return any(value == v and type(value) is type(v) for v in self.values)

    def faults(self, value: Any, path: str) -> list[Fault]:
        return [] if self.fits(value) else [Fault(path, f"{value!r} is none of {', '.join(map(str, self.values[:12]))}")]


@dataclass
class List(Shape):
    item: Shape
    takes = frozenset(("array",))

    def faults(self, value: Any, path: str) -> list[Fault]:
        if not isinstance(value, list):
            return super().faults(value, path)
        return [f for i, v in enumerate(value) for f in self.item.faults(v, f"{path}[{i}]")]


@dataclass
class Map(Shape):
    value: Shape
    takes = frozenset(("object",))

    def faults(self, value: Any, path: str) -> list[Fault]:
        if not isinstance(value, dict):
            return super().faults(value, path)
        return [f for k, v in value.items() for f in self.value.faults(v, f"{path}{{}}")]


@dataclass
class Field:
    shape: Shape
    required: bool = False


@dataclass
class Record(Shape):
    """An object of which every member is known. Its fields are found when they are first needed: types name each other."""

    name: str
    load: Callable[[], dict[str, Field]] = field(repr=False, compare=False)
    takes = frozenset(("object",))

    @functools.cached_property
    def fields(self) -> dict[str, Field]:
        return self.load()

    @functools.cached_property
    def tags(self) -> list[tuple[str, Shape]]:
        """The members that tell this record from others of a choice. Each value is held against each of its choice's records: they are looked for once."""
        return [(n, f.shape) for n, f in self.fields.items() if tells(f.shape)]

    def fits(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for name, shape in self.tags:
            if name in value and not shape.fits(value[name]):
                return False
        return True

    def faults(self, value: Any, path: str) -> list[Fault]:
        if not isinstance(value, dict):
            return super().faults(value, path)
        faults = [Fault(f"{path}.{n}", f"no member of {self.name}") for n in value if n not in self.fields]
        faults += [Fault(f"{path}.{n}", f"required in {self.name}") for n, f in self.fields.items() if f.required and n not in value]
        for name, member in self.fields.items():
            if name in value:
                faults += member.shape.faults(value[name], f"{path}.{name}")
        return faults


def tells(shape: Shape) -> bool:
    if isinstance(shape, Choice):
        return all(isinstance(o, (Words, Null)) for o in shape.options)
    return isinstance(shape, Words)


def kinds(value: Any) -> str:
    """How an object calls itself."""
    if not isinstance(value, dict):
        return word(value)
    names = [f"{n} {value[n]}" for n in ("role", "type") if isinstance(value.get(n), str)]
    return "object with " + (" and ".join(names) or "members " + " ".join(sorted(value)))


@dataclass
class Choice(Shape):
    options: tuple[Shape, ...]

    def fits(self, value: Any) -> bool:
        return any(o.fits(value) for o in self.options)

    def faults(self, value: Any, path: str) -> list[Fault]:
        meant = [o for o in self.options if o.fits(value)]
        if not meant:
            return [Fault(path, f"{kinds(value)} is no form of {self.names()}")]
        least = None
        for option in meant:
            found = option.faults(value, path)
            if not found:
                return []
            if least is None or len(found) < len(least):
                least = found
        return least or []

    def names(self) -> str:
        return " | ".join(getattr(o, "name", "|".join(sorted(o.takes)) or "word") for o in self.options[:8])


def choice(options: Iterable[Shape]) -> Shape:
    flat: list[Shape] = []
    for option in options:
        flat += option.options if isinstance(option, Choice) else [option]
    return flat[0] if len(flat) == 1 else Choice(tuple(flat))
