"""Hosts that speak OpenAI's chat with quirks of their own and publish them: what each one's own SDK sends is what it takes."""

import functools
from typing import Any

import cerebras.cloud.sdk.types.chat.completion_create_params as cerebras
import groq.types.chat.completion_create_params as groq
from mistralai.client import models as mistral

from shapes import Anything, Field, Record, Shape
from typed import answer_of, request_of

HOSTS = {"api.groq.com": "groq", "api.cerebras.ai": "cerebras", "api.mistral.ai": "mistral"}
# Groq takes what its SDK has no name for: github.com/Portkey-AI/gateway/issues/1338, github.com/withceleste/celeste-python/pull/351
UNNAMED = {"groq": {"stream_options": Field(Anything(), False)}}
HEADERS = {"CF-RAY", "X-Amz-Cf-Id", "X-delay-time"}  # arguments of Cerebras' method that it sends as headers


@functools.cache
def request_shape(name: str, stream: bool) -> Shape:
    if name == "mistral":
        return answer_of(mistral.ChatCompletionStreamRequest if stream else mistral.ChatCompletionRequest)
    own = request_of({"groq": groq, "cerebras": cerebras}[name].CompletionCreateParams)
    return Record(own.name, lambda: {n: f for n, f in own.fields.items() if n not in HEADERS} | UNNAMED.get(name, {}))


# ---- how one of them answers


SIGNATURE = "bWlzdHJhbCdzIHNpZ25hdHVyZQ=="  # ThinkChunk: "to replay some reasoning blocks across turns"


def accented(host: str, answer: Any) -> Any:
    """An answer of chat's, or a piece of one, as the host gives it."""
    if HOSTS.get(host) != "mistral" or not isinstance(answer, dict):
        return answer
    return answer | {"choices": [of_mistral(c) for c in answer["choices"]]}


def signed(choice: dict) -> dict:
    """Mistral signs a block of thinking with its last piece."""
    whole = "message" in choice or choice["delta"]["reasoning_content"][-1:].isdigit()  # what is thought ends with a number: talk.Script
    return {"signature": SIGNATURE} if whole else {}


def of_mistral(choice: dict) -> dict:
    """Thinking is a part of the content, which is a list then; what a call is of is not said."""
    member = "message" if "message" in choice else "delta"
    said = {n: v for n, v in choice[member].items() if n not in ("refusal", "reasoning_content")}
    if thinking := choice[member].get("reasoning_content"):
        text = [{"type": "text", "text": said["content"]}] if said.get("content") else []
        said["content"] = [{"type": "thinking", "thinking": [{"type": "text", "text": thinking}]} | signed(choice), *text]
    if said.get("tool_calls"):
        said["tool_calls"] = [{n: v for n, v in c.items() if n != "type"} for c in said["tool_calls"]]
    return {n: v for n, v in choice.items() if n != "logprobs"} | {member: said}
