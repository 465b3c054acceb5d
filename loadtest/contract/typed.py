"""Shapes out of Python types: the TypedDicts of requests and the pydantic models of answers that SDKs have."""

import collections.abc
import datetime
import enum
import functools
import os
import types
import typing
from typing import Any, get_args, get_origin

import pydantic
import typing_extensions

from shapes import Anything, Boolean, Choice, Field, Int64, Integer, List, Map, Null, Number, Record, Shape, Text, Words, choice

PLAIN = {str: Text, bytes: Text, bool: Boolean, int: Integer, float: Number, type(None): Null, None: Null, object: Anything, Any: Anything,
         datetime.datetime: Text, datetime.date: Text}
LISTS = (list, tuple, collections.abc.Iterable, collections.abc.Sequence)
MAPS = (dict, collections.abc.Mapping)
WRAPPED = (typing.Required, typing.NotRequired, typing_extensions.Required, typing_extensions.NotRequired, typing.Annotated)
NEVER = (typing.IO, os.PathLike, type, types.GenericAlias, collections.abc.Callable)
REQUIRED = (typing.Required, typing_extensions.Required)


@functools.cache
def request_of(kind: Any) -> Shape:
    """The shape of what a TypedDict describes. Unions there may name models of answers as well, and files: nothing that goes over the wire."""
    return shape_of(kind, models=False)


@functools.cache
def answer_of(kind: Any) -> Shape:
    return shape_of(kind, models=True)


def shape_of(kind: Any, models: bool) -> Shape:
    inner = functools.partial(shape_of, models=models)
    if kind in PLAIN:
        return PLAIN[kind]()
    origin, args = get_origin(kind), get_args(kind)
    if origin in WRAPPED:
        return inner(args[0])
    if origin in (typing.Literal, typing_extensions.Literal):
        return Words(args)
    if origin in (typing.Union, types.UnionType):
        return choice(inner(a) for a in args if travels(a, models))
    if origin in LISTS or getattr(origin, "__name__", "") == "SequenceNotStr":
        return List(inner(args[0]))
    if origin in MAPS:
        return Map(inner(args[1]))
    if kind in MAPS:
        return Map(Anything())
    if isinstance(origin, typing_extensions.TypeAliasType):
        return inner(origin.__value__[args])
    return named(kind, models)


def travels(kind: Any, models: bool) -> bool:
    """Tell whether JSON can be this: files cannot, and models only where answers are meant."""
    origin = get_origin(kind) or kind
    if origin in WRAPPED:
        return travels(get_args(kind)[0], models)
    if origin in NEVER or getattr(origin, "__module__", "") in ("io", "pathlib", "PIL.Image"):
        return False
    if getattr(kind, "__name__", "").startswith(("Unset", "Unknown")):  # Mistral's SDK: what is left out, and what an older SDK does not know
        return False
    return models or not (isinstance(origin, type) and issubclass(origin, pydantic.BaseModel))


def named(kind: Any, models: bool) -> Shape:
    if isinstance(kind, (typing.TypeVar, typing_extensions.TypeAliasType)):
        return shape_of(getattr(kind, "__value__", Any), models)
    if typing_extensions.is_typeddict(kind):
        return typed_dict(kind, models)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Words(tuple(e.value for e in kind))
    if kind is pydantic.BaseModel:
        return Map(Anything())
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return model(kind, models)
    if isinstance(kind, type) and issubclass(kind, str):
        return Text()
    raise TypeError(f"{kind!r} is of a kind that typed.py does not know yet")


@functools.cache
def typed_dict(kind: Any, models: bool) -> Record:
    def load() -> dict[str, Field]:
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        return {wire_name(n, h): Field(shape_of(h, models), needs(kind, n, h)) for n, h in hints.items()}

    return Record(kind.__name__, load)


def needs(kind: Any, name: str, hint: Any) -> bool:
    origin = get_origin(hint)
    return origin in REQUIRED or (origin not in WRAPPED[:4] and name in kind.__required_keys__)


def wire_name(name: str, hint: Any) -> str:
    while get_origin(hint) in WRAPPED:
        for note in get_args(hint)[1:]:
            if getattr(note, "alias", None):
                return note.alias
        hint = get_args(hint)[0]
    return name


@functools.cache
def model(kind: Any, models: bool) -> Shape:
    if issubclass(kind, pydantic.RootModel):
        return shape_of(kind.model_fields["root"].annotation, models)

    def load() -> dict[str, Field]:
        kind.model_rebuild()
        return {model_name(n, f): Field(shape_of(f.annotation, models), f.is_required()) for n, f in kind.model_fields.items()}

    return Record(kind.__name__, load)


def model_name(name: str, field: Any) -> str:
    return field.alias or next((m.alias for m in field.metadata if getattr(m, "alias", None)), name)


def without(shape: Shape, unwanted: dict[str, set[str]]) -> Shape:
    """The shape without some members of its records, and with integers as protocol buffers have them."""
    made: dict[int, tuple[Shape, Shape]] = {}  # with the shape itself: the id of one that is gone may be another's

    def of(s: Shape) -> Shape:
        if id(s) not in made:
            made[id(s)] = s, copy(s)
        return made[id(s)][1]

    def copy(s: Shape) -> Shape:
        if isinstance(s, List):
            return List(of(s.item))
        if isinstance(s, Map):
            return Map(of(s.value))
        if isinstance(s, Choice):
            return Choice(tuple(of(o) for o in s.options))
        if isinstance(s, Record):
            gone = unwanted.get(s.name, set())
            return Record(s.name, lambda: {n: Field(of(f.shape), f.required) for n, f in s.fields.items() if n not in gone})
        return Int64() if type(s) is Integer else s

    return of(shape)
