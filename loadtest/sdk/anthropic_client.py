"""Anthropic's SDK."""

import anthropic

from conversation import PNG_BASE64, TOOL, TOOL_DESCRIPTION, TOOL_SCHEMA, Answer, Ask, Call, Client, Conversation, Report


class Messages(Client):
    name, inbound, counts = "anthropic-python", "messages", True
    own = (anthropic.APIError,)
    raises = {
        400: anthropic.BadRequestError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        503: anthropic.APIStatusError,
    }

    def __init__(self, base: str, key: str):
        self.sdk = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=20)

    def talk(self, model, ask):
        return MessagesConversation(self.sdk, model, ask)

    def status(self, error):
        return error.status_code

    def headers(self, error):
        return error.response.headers


class MessagesConversation(Conversation):
    def __init__(self, sdk: anthropic.Anthropic, model: str, ask: Ask):
        self.sdk = sdk
        self.options: dict = {"model": model}
        content = ask.prompt
        if ask.image:
            source = {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}
            content = [{"type": "image", "source": source}, {"type": "text", "text": ask.prompt}]
        self.messages: list = [{"role": "user", "content": content}]
        if ask.system:
            self.options["system"] = ask.system
        if ask.tools:
            self.options["tools"] = [{"name": TOOL, "description": TOOL_DESCRIPTION, "input_schema": TOOL_SCHEMA}]
        if ask.reason:
            self.options["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        self.schema = ask.schema

    def send(self, stream):
        options = dict(self.options, messages=self.messages, max_tokens=4096)
        if self.schema:
            options["output_format"] = Report
        if stream:
            with self.sdk.messages.stream(**options) as events:
                text = "".join(events.text_stream)
                message = events.get_final_message()
            whole = "".join(block.text for block in message.content if block.type == "text")
            if text != whole:
                raise AssertionError(f"the deltas say {text[:200]!r}, the whole message {whole[:200]!r}")
        elif self.schema:
            message = self.sdk.messages.parse(**options)
        else:
            message = self.sdk.messages.create(**options)
        self.messages.append({"role": "assistant", "content": message.content})
        answer = Answer(parsed=message.parsed_output if self.schema else None)
        for block in message.content:
            if block.type == "text":
                answer.text += block.text
            elif block.type == "thinking":
                answer.thought += block.thinking
            elif block.type == "tool_use":
                answer.calls.append(Call(block.id, block.name, block.input))
        if message.stop_reason not in ("end_turn", "tool_use"):
            raise AssertionError(f"stop_reason is {message.stop_reason!r}")
        answer.wants_tools = message.stop_reason == "tool_use"
        used = message.usage
        answer.cached_tokens = used.cache_read_input_tokens
        answer.prompt_tokens = used.input_tokens + (used.cache_read_input_tokens or 0) + (used.cache_creation_input_tokens or 0)
        answer.output_tokens = used.output_tokens
        return answer

    def read(self, seen):
        with self.sdk.messages.stream(messages=self.messages, max_tokens=4096, **self.options) as events:
            for text in events.text_stream:
                seen.append(text)
            events.get_final_message()

    def results(self, texts):
        blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in texts]
        self.messages.append({"role": "user", "content": blocks})

    def count(self):
        return self.sdk.messages.count_tokens(messages=self.messages, **self.options).input_tokens
