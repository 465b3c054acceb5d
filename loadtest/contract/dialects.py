"""Hosts that speak OpenAI's chat with an accent and publish it: what each one's own SDK sends is what it takes."""

import functools

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
