"""The upstreams held to the same types: what they answer must be what their vendor's SDK knows, or the gateway would be judged by inventions."""

from cohere.v2.types.v2chat_response import V2ChatResponse
from cohere.v2.types.v2chat_stream_response import V2ChatStreamResponse

from mistralai.client import models as mistral

import chat
import cohere_chat
import dialects
import gemini
import messages
import responses
from shapes import Fault
from talk import Ask, Script, Tool
from typed import answer_of

TOOLS = [Tool("f", {"type": "object", "properties": {"a": {"type": "string"}}})]
SCRIPTS = [Script(1), Script(2, thinking=True), Script(3, finish="length"), Script(4, thinking=True, picks=[0, 0]), Script(5, text=False, picks=[0])]
BODY = {"model": "m", "stream_options": {"include_usage": True}}
TYPES = {chat: (chat.answer_shape(), chat.event_shape()), responses: (responses.answer_shape(), responses.event_shape()),
         messages: (messages.answer_shape(), messages.event_shape()), gemini: (gemini.answer_shape(), gemini.event_shape()),
         cohere_chat: (answer_of(V2ChatResponse), answer_of(V2ChatStreamResponse))}


def inventions_of_mistral() -> list[str]:
    """The same of the host that answers with quirks, whose pieces of calls have all that its types want of a whole one."""
    plain, event = answer_of(mistral.ChatCompletionResponse), answer_of(mistral.CompletionChunk)
    found = []
    for script in SCRIPTS:
        reply = script.reply(Ask(TOOLS))
        faults = plain.faults(dialects.accented("api.mistral.ai", chat.plain(reply, 1, BODY, True)), "")
        events = [dialects.accented("api.mistral.ai", e) for _, e in chat.stream(reply, 1, BODY, True)]
        faults += [f for e in events if e != "[DONE]" for f in event.faults(e, "")]
        found += [f"mistral {f.path}: {f.what}" for f in faults if not f.path.endswith(("function.name", "service_tier"))]
    return found


def inventions() -> list[str]:
    """What an upstream says and its vendor's types do not know."""
    found = inventions_of_mistral()
    for module, (plain, event) in TYPES.items():
        known = getattr(module, "known", lambda fault: False)
        for script in SCRIPTS:
            reply = script.reply(Ask(TOOLS))
            faults: list[Fault] = plain.faults(module.plain(reply, 1, BODY, True), "")
            faults += [f for _, e in module.stream(reply, 1, BODY, True) if e != "[DONE]" for f in event.faults(e, "")]
            found += [f"{module.NAME} {f.path}: {f.what}" for f in faults if not known(f)]
    return sorted(set(found))
