"""OpenAI's SDK, in its two APIs."""

import json

import openai

from conversation import PNG_BASE64, TOOL, TOOL_DESCRIPTION, TOOL_SCHEMA, Answer, Ask, Call, Client, Conversation, Report

RAISES = {400: openai.BadRequestError, 429: openai.RateLimitError, 500: openai.InternalServerError, 503: openai.InternalServerError}
IMAGE_URL = f"data:image/png;base64,{PNG_BASE64}"


class OpenAIClient(Client):
    own = (openai.APIError,)
    raises = RAISES

    def __init__(self, base: str, key: str):
        self.sdk = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=20)

    def status(self, error):
        return error.status_code

    def headers(self, error):
        return error.response.headers


class Chat(OpenAIClient):
    name, inbound = "openai-python chat", "chat"

    def talk(self, model, ask):
        return ChatConversation(self.sdk, model, ask)


class ChatConversation(Conversation):
    def __init__(self, sdk: openai.OpenAI, model: str, ask: Ask):
        self.sdk = sdk
        self.options: dict = {"model": model}
        content = ask.prompt
        if ask.image:
            content = [{"type": "text", "text": ask.prompt}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}]
        self.messages: list = [{"role": "user", "content": content}]
        if ask.system:
            self.messages.insert(0, {"role": "system", "content": ask.system})
        if ask.tools:
            self.options["tools"] = [{"type": "function", "function": {"name": TOOL, "description": TOOL_DESCRIPTION, "parameters": TOOL_SCHEMA}}]
        if ask.reason:
            self.options["reasoning_effort"] = "low"
        self.schema = ask.schema

    def send(self, stream):
        if self.schema:
            return self.structured(stream)
        if stream:
            return self.streamed()
        completion = self.sdk.chat.completions.create(messages=self.messages, **self.options)
        choice = completion.choices[0]
        self.messages.append(choice.message)  # as it is, which is what most programs do
        calls = [Call(c.id, c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls or []]
        answer = Answer(choice.message.content or "", getattr(choice.message, "reasoning_content", None) or "", calls)
        return chat_end(answer, choice.finish_reason, completion.usage)

    def structured(self, stream):
        if not stream:
            completion = self.sdk.chat.completions.parse(messages=self.messages, response_format=Report, **self.options)
        else:
            with self.sdk.chat.completions.stream(
                messages=self.messages, response_format=Report, stream_options={"include_usage": True}, **self.options
            ) as events:
                for _ in events:
                    pass
                completion = events.get_final_completion()
        message = completion.choices[0].message
        return Answer(message.content, parsed=message.parsed)

    def chunks(self):
        return self.sdk.chat.completions.create(messages=self.messages, stream=True, stream_options={"include_usage": True}, **self.options)

    def streamed(self):
        answer, calls, finish, used = Answer(), {}, None, None
        for chunk in self.chunks():
            used = chunk.usage or used
            for choice in chunk.choices:
                answer.text += choice.delta.content or ""
                answer.thought += getattr(choice.delta, "reasoning_content", None) or ""
                finish = choice.finish_reason or finish
                for part in choice.delta.tool_calls or []:
                    whole = calls.setdefault(part.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
                    whole["id"] += part.id or ""
                    whole["function"]["name"] += part.function.name or ""
                    whole["function"]["arguments"] += part.function.arguments or ""
        # Only what OpenAI documents goes back: programs that read streams keep no more.
        message = {"role": "assistant", "content": answer.text or None}
        if calls:
            message["tool_calls"] = list(calls.values())
        self.messages.append(message)
        answer.calls = [Call(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls.values()]
        return chat_end(answer, finish, used)

    def read(self, seen):
        for chunk in self.chunks():
            seen.extend(choice.delta.content or "" for choice in chunk.choices)

    def results(self, texts):
        for call, text in texts:
            self.messages.append({"role": "tool", "tool_call_id": call.id, "content": text})


def chat_end(answer: Answer, finish, used) -> Answer:
    if finish not in ("stop", "tool_calls"):
        raise AssertionError(f"finish_reason is {finish!r}")
    answer.wants_tools = finish == "tool_calls"
    if used is not None:
        answer.prompt_tokens, answer.output_tokens = used.prompt_tokens, used.completion_tokens
        answer.cached_tokens = used.prompt_tokens_details and used.prompt_tokens_details.cached_tokens
    return answer


class ResponseFailed(Exception):
    """What a program raises at an event that says so: the SDK gives such events out like all others."""


class Responses(OpenAIClient):
    name, inbound = "openai-python responses", "responses"
    own = (openai.APIError, ResponseFailed)

    def talk(self, model, ask):
        return ResponsesConversation(self.sdk, model, ask)


class ResponsesConversation(Conversation):
    def __init__(self, sdk: openai.OpenAI, model: str, ask: Ask):
        self.sdk = sdk
        self.options: dict = {"model": model, "store": False}
        content = [{"type": "input_text", "text": ask.prompt}]
        if ask.image:
            content.append({"type": "input_image", "image_url": IMAGE_URL, "detail": "auto"})
        self.input: list = [{"role": "user", "content": content}]
        if ask.system:
            self.options["instructions"] = ask.system
        if ask.tools:
            self.options["tools"] = [{"type": "function", "name": TOOL, "description": TOOL_DESCRIPTION, "parameters": TOOL_SCHEMA, "strict": False}]
        if ask.reason:
            self.options["reasoning"] = {"effort": "low", "summary": "auto"}
            self.options["include"] = ["reasoning.encrypted_content"]
        self.schema = ask.schema

    def send(self, stream):
        options = dict(self.options, input=self.input)
        if self.schema:
            options["text_format"] = Report
        if stream:
            response = self.streamed(options)
        elif self.schema:
            response = self.sdk.responses.parse(**options)
        else:
            response = self.sdk.responses.create(**options)
        if response.status != "completed":
            raise AssertionError(f"status is {response.status!r}: {response.error}")
        self.input += response.output
        answer = Answer(response.output_text, parsed=response.output_parsed if self.schema else None)
        for item in response.output:
            if item.type == "function_call":
                answer.calls.append(Call(item.call_id, item.name, json.loads(item.arguments)))
            elif item.type == "reasoning":
                answer.thought += "".join(part.text for part in item.summary or [])
        answer.wants_tools = bool(answer.calls)  # this API has no other sign
        used = response.usage
        answer.prompt_tokens, answer.output_tokens = used.input_tokens, used.output_tokens
        answer.cached_tokens = used.input_tokens_details.cached_tokens
        return answer

    def streamed(self, options):
        text, arguments, number = "", "", -1
        with self.sdk.responses.stream(**options) as events:
            for event in events:
                if event.sequence_number <= number:
                    raise AssertionError(f"{event.type} has sequence number {event.sequence_number} after {number}")
                number = event.sequence_number
                if event.type == "response.output_text.delta":
                    text += event.delta
                elif event.type == "response.function_call_arguments.delta":
                    arguments += event.delta
            response = events.get_final_response()
        if text != response.output_text:
            raise AssertionError(f"the deltas say {text[:200]!r}, the whole response {response.output_text[:200]!r}")
        whole = "".join(item.arguments for item in response.output if item.type == "function_call")
        if arguments != whole:
            raise AssertionError(f"the deltas of the arguments say {arguments!r}, the whole response {whole!r}")
        return response

    def read(self, seen):
        ended = False
        for event in self.sdk.responses.create(input=self.input, stream=True, **self.options):
            if event.type == "response.output_text.delta":
                seen.append(event.delta)
            elif event.type in ("error", "response.failed"):
                raise ResponseFailed(str(event))
            ended = ended or event.type in ("response.completed", "response.incomplete")
        if not ended:
            raise AssertionError("the stream ended without an end and without an error")

    def results(self, texts):
        for call, text in texts:
            self.input.append({"type": "function_call_output", "call_id": call.id, "output": text})
