"""Google's Gen AI SDK."""

from google import genai
from google.genai import errors, types

from conversation import PNG, TOOL, TOOL_DESCRIPTION, TOOL_SCHEMA, Answer, Ask, Call, Client, Conversation, Report


class Gemini(Client):
    name, inbound, counts = "google-genai", "gemini", True
    own = (errors.APIError,)
    raises = {400: errors.ClientError, 429: errors.ClientError, 500: errors.ServerError, 503: errors.ServerError}

    def __init__(self, base: str, key: str):
        self.sdk = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base, api_version="v1beta", timeout=20_000))

    def talk(self, model, ask):
        return GeminiConversation(self.sdk, model, ask)

    def status(self, error):
        return error.code

    def headers(self, error):
        return error.response.headers


class GeminiConversation(Conversation):
    def __init__(self, sdk: genai.Client, model: str, ask: Ask):
        self.sdk, self.model = sdk, model
        parts = [types.Part.from_text(text=ask.prompt)]
        if ask.image:
            parts.append(types.Part.from_bytes(data=PNG, mime_type="image/png"))
        self.contents = [types.Content(role="user", parts=parts)]
        self.config = types.GenerateContentConfig()
        if ask.system:
            self.config.system_instruction = ask.system
        if ask.tools:
            function = types.FunctionDeclaration(name=TOOL, description=TOOL_DESCRIPTION, parameters=TOOL_SCHEMA)
            self.config.tools = [types.Tool(function_declarations=[function])]
        if ask.reason:
            self.config.thinking_config = types.ThinkingConfig(include_thoughts=True, thinking_level="LOW")
        if ask.schema:
            self.config.response_mime_type, self.config.response_schema = "application/json", Report
        self.schema = ask.schema

    def send(self, stream):
        options = {"model": self.model, "contents": self.contents, "config": self.config}
        chunks = list(self.sdk.models.generate_content_stream(**options)) if stream else [self.sdk.models.generate_content(**options)]
        parts, finish, used = [], None, None
        for chunk in chunks:
            used = chunk.usage_metadata or used
            for candidate in chunk.candidates or []:
                finish = candidate.finish_reason or finish
                parts += candidate.content and candidate.content.parts or []
        if finish != types.FinishReason.STOP:
            raise AssertionError(f"finishReason is {finish!r}")
        kept = [p for p in parts if p.text != "" or p.function_call or p.thought_signature]  # streams end in an empty part
        self.contents.append(types.Content(role="model", parts=kept))
        answer = Answer(output_tokens=(used.candidates_token_count or 0) + (used.thoughts_token_count or 0))
        answer.prompt_tokens, answer.cached_tokens = used.prompt_token_count, used.cached_content_token_count
        for part in parts:
            if part.function_call:
                answer.calls.append(Call(part.function_call.id, part.function_call.name, part.function_call.args))
            elif part.thought:
                answer.thought += part.text or ""
            else:
                answer.text += part.text or ""
        answer.wants_tools = bool(answer.calls)  # this API has no other sign
        if self.schema:
            answer.parsed = Report.model_validate_json(answer.text) if stream else chunks[0].parsed
        return answer

    def read(self, seen):
        finish = None
        for chunk in self.sdk.models.generate_content_stream(model=self.model, contents=self.contents, config=self.config):
            seen.append(chunk.text or "")
            finish = chunk.candidates[0].finish_reason or finish
        if finish is None:
            raise AssertionError("the stream ended without a finishReason and without an error")

    def results(self, texts):
        responses = [types.FunctionResponse(id=call.id, name=call.name, response={"result": text}) for call, text in texts]
        self.contents.append(types.Content(role="user", parts=[types.Part(function_response=r) for r in responses]))

    def count(self):
        return self.sdk.models.count_tokens(model=self.model, contents=self.contents).total_tokens
