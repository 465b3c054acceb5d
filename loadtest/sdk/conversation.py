"""What the cases say to a client, whichever SDK it is, and what it says back."""

import base64
import hashlib
import struct
import zlib
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel


class Reading(BaseModel):
    degrees: int
    sky: Literal["clear", "cloudy"]


class Report(BaseModel):
    """The structured answer. Reading is in it twice, so SDKs give the schema $defs and $ref."""

    city: str
    now: Reading
    days: list[Reading]


def small_png() -> bytes:
    """A red square of 8 pixels a side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xff\0\0" * 8 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = small_png()
PNG_BASE64 = base64.b64encode(PNG).decode()
PNG_SEEN = f"image/png of {len(PNG)} bytes, sha256 {hashlib.sha256(PNG).hexdigest()[:16]}"

TOOL = "get_weather"
TOOL_DESCRIPTION = "The weather of a city in the coming days"
TOOL_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city's name"},
        "days": {"type": "integer", "minimum": 1},
        "note": {"type": "string"},
    },
    "required": ["city", "days"],
}


@dataclass
class Ask:
    """The first turn of a conversation."""

    prompt: str
    system: str = ""
    image: bool = False  # show PNG
    schema: bool = False  # answer as a Report
    tools: bool = False  # offer TOOL
    reason: bool = False  # think first, and show the thought


@dataclass
class Call:
    id: str
    name: str
    args: dict


@dataclass
class Answer:
    text: str = ""
    thought: str = ""
    calls: list[Call] = field(default_factory=list)
    parsed: Report | None = None
    prompt_tokens: int | None = None  # cached ones included
    cached_tokens: int | None = None
    output_tokens: int | None = None  # reasoning included
    wants_tools: bool = False  # the reason it ended with


class Conversation:
    """A conversation through one SDK. Subclasses keep the history in the SDK's own types."""

    def send(self, stream: bool) -> Answer:
        """Ask for the next turn, and keep it in the history."""
        raise NotImplementedError

    def read(self, seen: list[str]) -> None:
        """Stream the next turn and append its pieces of text to seen as they come."""
        raise NotImplementedError

    def results(self, texts: list[tuple[Call, str]]) -> None:
        """Put the results of calls into the history."""
        raise NotImplementedError

    def count(self) -> int:
        """Have the tokens of the history counted."""
        raise NotImplementedError


class Client:
    """One SDK in one of its APIs."""

    name: str  # as the matrix shows it
    inbound: str  # the format it speaks
    counts = False  # it can count tokens
    own: tuple[type[Exception], ...]  # what the SDK raises
    raises: dict[int, type[Exception]]  # which of it for which status

    def talk(self, model: str, ask: Ask) -> Conversation:
        raise NotImplementedError

    def status(self, error: Exception) -> int:
        """The HTTP status that an exception of the SDK's own tells."""
        raise NotImplementedError

    def headers(self, error: Exception) -> dict:
        raise NotImplementedError
