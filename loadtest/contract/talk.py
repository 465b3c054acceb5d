"""What is said in every format: what a request asks for, what is answered to it, and how both are compared."""

import json
from dataclasses import dataclass, field
from typing import Any

from sample import instance


USAGE = (11, 7)
ANSWER_TOOL = "answer_in_json"  # by which the gateway asks for JSON where a model has no other way


@dataclass
class Tool:
    name: str
    schema: dict | None  # None: it takes text


@dataclass
class Ask:
    tools: list[Tool] = field(default_factory=list)
    choice: str = "auto"  # auto, none, any, or the name of a tool behind a colon
    schema: Any = None  # what the answer's JSON must be; True for any JSON

    def forced(self) -> list[Tool]:
        """The tools of which one has to be called."""
        if self.choice == "any":
            return self.tools
        return [t for t in self.tools if self.choice == ":" + t.name]


@dataclass
class Call:
    id: str
    name: str
    args: Any  # an object, or the text that a tool for text is given


@dataclass
class Reply:
    thinking: str = ""
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str = "stop"  # stop, length, calls
    usage: tuple = USAGE  # tokens of prompt and answer


@dataclass
class Script:
    """How an upstream answers: drawn with the request, so that plain and streamed say the same."""

    number: int
    thinking: bool = False
    text: bool = True
    picks: list[int] = field(default_factory=list)
    finish: str = "stop"
    wanted: Any = None  # the schema of the client's: a model that is told of it only by words keeps to it too

    def reply(self, ask: Ask) -> Reply:
        calls = [self.call(i, t) for i, t in enumerate(self.tools(ask))]
        text = "" if ask.forced() or (calls and not self.text) else f"said{self.number} Grüße 🌍\n\"q\" <b>"
        if not calls and (self.wanted is not None or ask.schema is not None):
            text = json.dumps(instance(ask.schema if isinstance(ask.schema, dict) else self.wanted, f"said{self.number}"))
        finish = self.finish if self.finish == "length" and not calls else "calls" if calls else "stop"
        return Reply(f"thought{self.number}" if self.thinking else "", text, calls, finish)

    def tools(self, ask: Ask) -> list[Tool]:
        if ask.forced():
            return ask.forced()[:1]
        giver = [t for t in ask.tools if t.name == ANSWER_TOOL]
        if giver and self.wanted is not None:
            return giver
        if ask.choice != "auto" or ask.schema is not None or not ask.tools:
            return []
        return [ask.tools[p % len(ask.tools)] for p in self.picks]

    def call(self, index: int, tool: Tool) -> Call:
        word = f"said{self.number}c{index}"
        return Call(f"call_{self.number}_{index}", tool.name, word if tool.schema is None else instance(tool.schema, word))


def pieces(text: str) -> list[str]:
    """The text in three parts, as streams bring it."""
    third = max(1, len(text) // 3)
    return [p for p in (text[:third], text[third : 2 * third], text[2 * third :]) if p]


def loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return f"not JSON: {text}"
