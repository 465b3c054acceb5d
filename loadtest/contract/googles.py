"""Shapes of Google's two doors: AI Studio's out of google-genai, Vertex's out of the discovery document in google-api-python-client.

The discovery documents that are packaged have none of generativelanguage. What AI Studio takes is in google-genai twice: the types are those of both
doors, and the converters that end in `_to_mldev` say what is written where, and refuse what AI Studio does not have.
"""

import ast
import functools
import importlib.resources
import inspect
import json

from google.genai import models, types

from shapes import Anything, Boolean, Field, Int64, List, Map, Number, Record, Shape, Text, Words
from typed import answer_of, without

Converter = ast.FunctionDef


@functools.cache
def converters() -> dict[str, Converter]:
    """The functions that make AI Studio's JSON, by the type that they take."""
    tree = ast.parse(inspect.getsource(models))
    named = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    return {n[1 : -len("_to_mldev")]: f for n, f in named.items() if n.endswith("_to_mldev")}


def string_list(node: ast.expr) -> list[str]:
    return [e.value for e in node.elts if isinstance(e, ast.Constant)] if isinstance(node, ast.List) else []


def calls(node: ast.AST, name: str) -> list[ast.Call]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name]


def read_by(branch: ast.If) -> str:
    return string_list(calls(branch.test, "getv")[0].args[1])[-1]


def branches(function: Converter) -> list[ast.If]:
    return [n for n in function.body if isinstance(n, ast.If) and calls(n.test, "getv")]


def wire_name(kind: type, member: str) -> str:
    field = kind.model_fields.get(member)
    return (field and field.alias) or member


def refused() -> dict[str, set[str]]:
    """For each type the members that its converter raises an error for."""
    gone: dict[str, set[str]] = {}
    for name, function in converters().items():
        kind = getattr(types, name, None)
        if kind is not None:
            gone[name] = {wire_name(kind, read_by(b)) for b in branches(function) if isinstance(b.body[0], ast.Raise)}
    return gone


def written(function: Converter) -> list[tuple[str, str, str]]:
    """What a converter writes: into which object, under which name, from which member."""
    out = []
    for branch in branches(function):
        for call in calls(branch, "setv"):
            out.append((call.args[0].id, string_list(call.args[1])[0], read_by(branch)))
    return out


SDK_SPELLINGS = {"systemInstruction": types.Content, "responseSchema": types.Schema, "speechConfig": types.SpeechConfig, "tools": list[types.Tool]}


@functools.cache
def studio_request() -> Shape:
    """What generativelanguage v1beta takes for generateContent."""
    top = {"contents": Field(answer_of(list[types.Content]), True), "model": Field(Text())}
    generation: dict[str, Field] = {}
    for target, name, member in written(converters()["GenerateContentConfig"]):
        kind = SDK_SPELLINGS.get(name) or types.GenerateContentConfig.model_fields[member].annotation
        (top if target == "parent_object" else generation)[name] = Field(answer_of(kind))
    extra = {n: f for n, f in answer_of(types.GenerationConfig).fields.items() if n in ("responseFormat",)}
    top["generationConfig"] = Field(Record("GenerationConfig", lambda: generation | extra))
    return without(Record("GenerateContentRequest", lambda: top), refused())


@functools.cache
def vertex_document() -> dict:
    folder = importlib.resources.files("googleapiclient.discovery_cache.documents")
    return json.loads(folder.joinpath("aiplatform.v1.json").read_text())


PREFIX = "GoogleCloudAiplatformV1"
BASIC = {"string": Text, "boolean": Boolean, "integer": Int64, "number": Number, "any": Anything}


def vertex(name: str) -> Record:
    return vertex_schema(PREFIX + name)


@functools.cache
def vertex_schema(name: str) -> Record:
    schema = vertex_document()["schemas"][name]
    return Record(name.removeprefix(PREFIX), lambda: {n: Field(discovered(p)) for n, p in schema.get("properties", {}).items()})


def discovered(schema: dict) -> Shape:
    """The shape of a schema in a discovery document."""
    if "$ref" in schema:
        return vertex_schema(schema["$ref"])
    if "enum" in schema:
        return Words(tuple(schema["enum"]))
    if schema.get("format") in ("int64", "uint64"):
        return Int64()
    if schema["type"] == "array":
        return List(discovered(schema["items"]))
    if schema["type"] == "object":
        return Map(discovered(schema["additionalProperties"])) if "additionalProperties" in schema else Map(Anything())
    return BASIC[schema["type"]]()
