"""What providers document and no schema holds: a row a rule, with where it is written.

A rule that is wrong, or that a provider has given up, is a row to take out. What needs more than a row's words (the order of turns) is a function in `checks.py`.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from checks import (
    Check,
    absent,
    alone,
    asleep,
    at,
    between,
    chat_content,
    chat_turns,
    chosen_tool_is_there,
    claude_caches,
    claude_choice,
    claude_content,
    claude_thinking,
    claude_turns,
    cohere_turns,
    converse_content,
    converse_turns,
    document_needs_text,
    each,
    gemini_allowed,
    gemini_names,
    gemini_parts,
    gemini_schema,
    gemini_turns,
    json_word,
    longest,
    matching,
    mistral_turns,
    needs,
    not_awake,
    one_schema,
    openai_schema,
    pdf_only,
    response_calls,
    response_ids,
    same_ids,
    shortest,
    strict_format,
    strict_tools,
    text_errors,
    unique_tools,
    words,
)
from shapes import Fault


@dataclass(frozen=True)
class Rule:
    formats: str  # words: openai is chat and responses at api.openai.com
    models: str  # what the model's name begins with, as a regular expression; empty for all
    check: Check
    source: str


REASONING = r"(o1|o3|o4|gpt-5(?!-chat)|gpt-6)"
SAMPLING = "temperature top_p logprobs top_logprobs presence_penalty frequency_penalty logit_bias"
LATEST = "developers.openai.com guides/latest-model"
CHAT = "API reference, chat completions"
ERRORS = "text of the API's own refusal"

EVERY_CHAT = "chat openai-chat groq cerebras mistral"
RULES = [
    Rule(EVERY_CHAT + " openai-responses messages invoke gemini vertex converse cohere", "", shortest("messages contents input", 1), ERRORS + ": at least one message is required"),
    # OpenAI, both formats
    Rule("openai", "", longest("user safety_identifier prompt_cache_key", 64), CHAT + ": at most 64 characters"),
    Rule("openai", "", longest("metadata", 16), CHAT + ": metadata has at most 16 pairs"),
    Rule("openai", "", matching("tools[].function.name tools[].name messages[].tool_calls[].function.name", r"[a-zA-Z0-9_-]{1,64}"), CHAT + ": function name"),
    Rule("openai", "", longest("tools", 128), CHAT + ": at most 128 functions"),
    Rule("openai", "", each("tools[].function.parameters tools[].parameters", openai_schema), "langchain-ai/langchain-mcp-adapters#137: " + ERRORS),
    Rule("openai", "", strict_tools, "developers.openai.com guides/function-calling, strict mode"),
    Rule("openai", "", strict_format, "developers.openai.com guides/structured-outputs, supported schemas"),
    Rule("openai", "", chosen_tool_is_there, ERRORS),
    Rule("openai", "", unique_tools("tools[].function.name tools[].name"), ERRORS),
    Rule("openai", "", shortest("tools", 1), ERRORS + ": [] is too short - 'tools'"),
    Rule("openai", "", needs("tool_choice", "tools"), ERRORS + ": 'tool_choice' is only allowed when 'tools' are specified"),
    Rule("openai", "", needs("parallel_tool_calls", "tools"), ERRORS + ": 'parallel_tool_calls' is only allowed when 'tools' are specified"),
    Rule("openai", "", between("temperature", 0, 2), CHAT + ": temperature"),
    Rule("openai", "", between("top_p", 0, 1), CHAT + ": top_p"),
    Rule("openai", r"(o1|o3|o4|gpt-5(?!-chat|\.[1-4])|gpt-6)", absent(SAMPLING, unless=asleep), LATEST + ", parameter compatibility"),
    Rule("openai", r"gpt-5\.[1-4](?!-codex)", absent(SAMPLING, unless=not_awake), LATEST + ", parameter compatibility; effort is none by default (vercel/ai#10932)"),
    Rule("openai", "gpt-5($|-mini|-nano|-20)", words("reasoning_effort", "minimal low medium high"), "model page"),
    Rule("openai", "gpt-5($|-mini|-nano|-20)", words("reasoning.effort", "minimal low medium high"), "model page"),
    Rule("openai", "gpt-5-codex", words("reasoning.effort", "low medium high"), "model page"),
    Rule("openai", "gpt-5.1($|-20)", words("reasoning_effort", "none low medium high"), "model page"),
    Rule("openai", "gpt-5.1($|-20)", words("reasoning.effort", "none low medium high"), "model page"),
    Rule("openai", "gpt-6(.1-sol|-astra)", words("reasoning_effort", "low medium high xhigh max"), LATEST),
    Rule("openai", "gpt-6(.1-sol|-astra)", words("reasoning.effort", "low medium high xhigh max"), LATEST),
    Rule("openai", "gpt-6-luna", words("reasoning_effort", "none low medium high xhigh max"), LATEST),
    Rule("openai", "o[134]", words("reasoning_effort", "low medium high"), "model page"),
    Rule("openai", "gpt-4", absent("reasoning_effort reasoning"), ERRORS + ": Unrecognized request argument supplied: reasoning_effort"),
    # OpenAI, chat
    Rule("openai-chat", REASONING, absent("max_tokens"), ERRORS + ": use 'max_completion_tokens' instead"),
    Rule("openai-chat", "(o3|o4-mini|gpt-5)", absent("stop"), CHAT + ": stop is not supported with latest reasoning models"),
    Rule("openai-chat", "", lambda b: [("max_tokens", "max_tokens and max_completion_tokens cannot both be set")] if "max_tokens" in b and "max_completion_tokens" in b else [],
         ERRORS + ": Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported"),
    Rule("openai-chat", "", each("stop", lambda v: "longer than 4" if isinstance(v, list) and len(v) > 4 else None), CHAT + ": up to 4 sequences"),
    Rule("openai-chat", "gpt-6-luna", lambda b: [("tools", "function tools with reasoning_effort are not supported")] if b.get("tools") and not asleep(b) else [], LATEST),
    Rule("openai-chat", "", json_word("messages"), "developers.openai.com guides/structured-outputs, JSON mode"),
    Rule("openai-chat", "", each("messages[].content[].file.file_data", pdf_only), "developers.openai.com guides/file-inputs: only PDF"),
    Rule("openai-chat", "", longest("messages[].tool_calls[].id messages[].tool_call_id", 64), ERRORS + ": string too long, maximum length 40 or 64"),
    Rule("openai-chat", "", needs("top_logprobs", "logprobs"), CHAT + ": logprobs must be true if top_logprobs is used"),
    Rule("openai-chat", "", needs("stream_options", "stream"), CHAT + ": only set this when you set stream: true"),
    Rule(EVERY_CHAT, "", chat_turns, ERRORS),
    Rule(EVERY_CHAT, "", chat_content, CHAT + ": content is required unless tool_calls is specified"),
    Rule(EVERY_CHAT, "", same_ids, ERRORS),
    # Mistral
    Rule("mistral", "", matching("messages[].tool_calls[].id messages[].tool_call_id", r"[a-zA-Z0-9]{9}"), ERRORS + ": Tool call id has to be a-z, A-Z, 0-9, with a length of 9"),
    Rule("mistral", "", mistral_turns, "mistral-common, MistralRequestValidator; BerriAI/litellm#17761"),
    # OpenAI, Responses
    Rule("openai-responses", "", json_word("input instructions"), "developers.openai.com guides/structured-outputs, JSON mode"),
    Rule("openai-responses", "", response_calls, ERRORS + ": No tool output found for function call"),
    Rule("openai-responses", "", response_ids, ERRORS + ": Expected an ID that begins with 'msg'"),
    Rule("openai-responses", "", longest("input[].id input[].call_id", 64), ERRORS + ": string too long, maximum length 64"),
    Rule("openai-responses", "", shortest("input[].output input[].content", 1), ERRORS + ": empty array, minimum length 1"),
    Rule("openai-responses", "", between("max_output_tokens", 16, 10**9), ERRORS + ": integer below minimum value, expected >= 16"),
    # Anthropic
    Rule("messages invoke", "", matching("tools[].name messages[].content[].name", r"[a-zA-Z0-9_-]{1,128}"), "platform.claude.com, define tools: name"),
    Rule("messages invoke", "", matching("messages[].content[].id messages[].content[].tool_use_id", r"[a-zA-Z0-9_-]+"), ERRORS + ": String should match pattern '^[a-zA-Z0-9_-]+$'"),
    Rule("messages invoke", "", longest("metadata.user_id", 512), "API reference, messages: user_id"),
    Rule("messages invoke", "", between("temperature", 0, 1), "API reference, messages: temperature"),
    Rule("messages invoke", r".*claude-(opus-4-[78]|opus-5|sonnet-5|haiku-5|fable|mythos)", absent("temperature top_p top_k"),
         "platform.claude.com models/whats-new-claude-4-7: sampling parameters removed"),
    Rule("messages invoke", r".*claude-(sonnet-4-5|sonnet-4-6|haiku-4-5|opus-4-[156])", lambda b: [("top_p", "temperature and top_p cannot both be specified")]
         if "temperature" in b and "top_p" in b else [], "SalesforceAIResearch/MCP-Universe#49: " + ERRORS),
    Rule("messages invoke", r".*claude-(opus-4-[78]|opus-5|sonnet-5|haiku-5|fable|mythos)", each("thinking.type", lambda v: "enabled is not supported for this model; use adaptive"
         if v == "enabled" else None), "platform.claude.com models/whats-new-claude-4-7: extended thinking budgets removed"),
    Rule("messages invoke", r".*claude-(sonnet-4-5|haiku-4-5|opus-4-[15])", each("thinking.type", lambda v: "adaptive thinking is not supported for this model" if v == "adaptive" else None),
         "platform.claude.com, adaptive thinking: supported models"),
    Rule("messages invoke", r".*claude-(sonnet-4-5|haiku-4-5|opus-4-1)", absent("output_config.effort"), "platform.claude.com, effort: supported models"),
    Rule("messages invoke", "", lambda b: [(p, "type is required, and must be object") for p, v in at(b, "tools[].input_schema") if v.get("type") != "object"],
         ERRORS + ": tools.0.custom.input_schema.type: Field required"),
    Rule("messages invoke", "", claude_turns, ERRORS),
    Rule("messages invoke", "", claude_content, ERRORS),
    Rule("messages invoke", "", text_errors, "vellum-ai/vellum-assistant#18387: " + ERRORS),
    Rule("messages invoke", "", claude_thinking, "platform.claude.com, extended thinking: feature compatibility"),
    Rule("messages invoke", "", claude_caches, "platform.claude.com, prompt caching: up to 4 breakpoints"),
    Rule("messages invoke", "", claude_choice, ERRORS),
    Rule("messages invoke", "", unique_tools("tools[].name"), ERRORS),
    Rule("messages invoke", "", each("stop_sequences[]", lambda v: None if v.strip() else "each stop sequence must contain non-whitespace"), ERRORS),
    Rule("messages invoke", "(claude-opus-5-5)", each("thinking.type", lambda v: "is not supported for this model" if v in ("disabled", "enabled") else None),
         "platform.claude.com models/opus-5-5/migration-guide"),
    Rule("messages invoke", "(claude-opus-5-5)", each("tool_choice.type", lambda v: "forced tool use is not supported for this model" if v in ("any", "tool") else None),
         "platform.claude.com models/opus-5-5/migration-guide"),
    # Google
    Rule("gemini vertex", "", matching("tools[].functionDeclarations[].name", r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"), "API reference, FunctionDeclaration: name"),
    Rule("gemini vertex", "", longest("generationConfig.stopSequences", 5), "API reference, GenerationConfig: up to 5"),
    Rule("gemini vertex", "", gemini_names, "API reference: name, required"),
    Rule("gemini vertex", "", gemini_turns, ERRORS),
    Rule("gemini vertex", "", gemini_parts, ERRORS + ": required oneof field 'data' must have one initialized field"),
    Rule("gemini vertex", "", gemini_allowed, ERRORS),
    Rule("gemini vertex", "", each("tools[].functionDeclarations[].parameters", gemini_schema), ERRORS),
    Rule("gemini vertex", "", one_schema, "API reference, FunctionDeclaration and GenerationConfig"),
    Rule("gemini vertex", "", unique_tools("tools[].functionDeclarations[].name"), ERRORS + ": Duplicate function declaration found"),
    Rule("gemini vertex", "", each("contents[].role", lambda v: None if v in ("user", "model", "function") else "please use a valid role: user, model"), ERRORS),
    # Bedrock
    Rule("converse", "", converse_turns, ERRORS),
    Rule("converse", "", converse_content, ERRORS),
    Rule("converse", "", document_needs_text, "AWS, API_runtime_DocumentBlock and ContentBlock: a text field must accompany a document"),
    Rule("converse", "", unique_tools("toolConfig.tools[].toolSpec.name"), ERRORS),
    Rule("converse", r"(.*meta\.llama|mistral)", alone, "earendil-works/pi#3739"),
    # Cohere
    Rule("cohere", "", longest("stop_sequences", 5), "API reference, v2 chat: up to 5"),
    Rule("cohere", "", cohere_turns, ERRORS),
]


@functools.cache
def rules_of(form: str, model: str) -> list[Rule]:
    names = {form, "openai"} if form.startswith("openai-") else {form}
    return [r for r in RULES if names & set(r.formats.split()) and re.match(r.models, model)]


def broken(form: str, model: str, body: dict, before: Iterable[Fault] = ()) -> list[Fault]:
    """Which rules a request breaks. One that has not even its schema's form may break them in ways that they do not see."""
    found: list[Fault] = []
    for rule in rules_of(form, model):
        try:
            found += [Fault(path, said) for path, said in rule.check(body)]
        except (KeyError, TypeError, AttributeError, IndexError):
            if not before:
                raise
    return found
