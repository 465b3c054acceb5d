"""What every client must be able to do on every upstream. The mock's package `scripted` has the other half of each case."""

import json
from typing import Callable

from conversation import PNG_SEEN, TOOL, Answer, Ask, Client

PLAIN = 'Grüße aus 東京 🌍, "quoted", a\\b and <tags> & ends.\nSecond line.'
THOUGHT = "The user asks for the weather. A tool knows it: I call it."
LONG = " ".join(f"wörd{i}" for i in range(600))
SYSTEM = "Answer in Esperanto."
PROMPT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS, THOUGHT_TOKENS = 33, 8, 12, 5


class Place:
    """Where a case runs: a client, and the models it reaches an upstream by."""

    def __init__(self, client: Client, upstream: str, model: str, direct: bool):
        self.client, self.upstream, self.direct = client, upstream, direct
        self.model = model

    def for_error(self, scene: str) -> str:
        """A model whose provider nobody else uses: after an error it rests."""
        return self.model if self.direct else failing_model(self.upstream, self.client.name, scene)

    def shows_thoughts(self) -> bool:
        """Chat has no member that asks Responses for a summary of its thoughts, so there is none to see."""
        return not (self.client.inbound == "chat" and self.upstream == "responses")


def failing_model(upstream: str, client: str, scene: str) -> str:
    return f"{upstream}-{client.replace(' ', '-')}-{scene}"


def same(what: str, got, want) -> None:
    if got != want:
        raise AssertionError(f"{what} is {str(got)[:300]!r}, want {str(want)[:300]!r}")


def usage(answer: Answer, thought: bool = False) -> None:
    same("tokens of the prompt", answer.prompt_tokens, PROMPT_TOKENS)
    same("cached tokens", answer.cached_tokens, CACHED_TOKENS)
    same("tokens of the answer", answer.output_tokens, OUTPUT_TOKENS + THOUGHT_TOKENS * thought)


def plain(at: Place, stream: bool) -> None:
    answer = at.client.talk(at.model, Ask("[plain] Say something.")).send(stream)
    same("text", answer.text, PLAIN)
    same("wants tools", answer.wants_tools, False)
    usage(answer)


def system(at: Place, stream: bool) -> None:
    answer = at.client.talk(at.model, Ask("[system] What were you told?", system=SYSTEM)).send(stream)
    same("text", answer.text, f"The system prompt is: {SYSTEM}")


def tools(at: Place, stream: bool) -> None:
    talk = at.client.talk(at.model, Ask("[tool] How is the weather in Paris and in Tokyo?", tools=True))
    answer = talk.send(stream)
    same("calls", [(c.name, c.args) for c in answer.calls], [(TOOL, {"city": c, "days": 2, "note": 'say "ü"'}) for c in ("Paris", "Tokyo")])
    same("wants tools", answer.wants_tools, True)
    same("ids differ", len({c.id for c in answer.calls}), 2)
    usage(answer)
    # The results are given in the other order: they are told apart by their ids.
    texts = {"Paris": "18 degrees, clear", "Tokyo": "25 degrees, a typhoon"}
    talk.results([(c, texts[c.args["city"]]) for c in reversed(answer.calls)])
    answer = talk.send(stream)
    paris, _, tokyo = answer.text.partition("; Tokyo: ")
    if not paris.startswith("Paris: ") or texts["Paris"] not in paris or texts["Tokyo"] not in tokyo:
        raise AssertionError(f"the answer does not quote the results: {answer.text!r}")
    same("calls after the results", answer.calls, [])
    same("wants tools", answer.wants_tools, False)


def image(at: Place, stream: bool) -> None:
    answer = at.client.talk(at.model, Ask("[image] What do you see?", image=True)).send(stream)
    same("text", answer.text, PNG_SEEN)


def structured(at: Place, stream: bool) -> None:
    answer = at.client.talk(at.model, Ask("[json] Report.", schema=True)).send(stream)
    if answer.parsed is None:
        raise AssertionError(f"nothing was parsed from {answer.text!r}")
    same("report", answer.parsed.model_dump(), {"city": "Paris", "now": {"degrees": 18, "sky": "clear"}, "days": [{"degrees": 18, "sky": "clear"}]})
    same("report in the text", json.loads(answer.text), answer.parsed.model_dump())


def reasoning(at: Place, stream: bool) -> None:
    talk = at.client.talk(at.model, Ask("[reason] How is the weather in Paris?", tools=True, reason=True))
    answer = talk.send(stream)
    same("calls", [c.args.get("city") for c in answer.calls], ["Paris"])
    if at.shows_thoughts():
        same("thought", answer.thought, THOUGHT)
    usage(answer, thought=True)
    talk.results([(answer.calls[0], "18 degrees")])
    answer = talk.send(stream)  # the mock refuses it if the thought's signature did not come back
    if "Paris: " not in answer.text or "18 degrees" not in answer.text:
        raise AssertionError(f"the answer does not quote the result: {answer.text!r}")


def long(at: Place, stream: bool) -> None:
    same("text", at.client.talk(at.model, Ask("[long] Go on.")).send(stream).text, LONG)


def cut(at: Place, stream: bool) -> None:
    seen: list[str] = []
    try:
        at.client.talk(at.for_error("cut"), Ask("[cut] Go on.")).read(seen)
    except Exception as error:
        if not at.direct and not isinstance(error, at.client.own):
            raise AssertionError(f"raised {type(error).__module__}.{type(error).__name__}, which is not the SDK's own: {error}") from error
    else:
        raise AssertionError(f"nothing was raised after {len(''.join(seen))} letters of {len(LONG)}")
    text = "".join(seen)
    if not text or not LONG.startswith(text) or text == LONG:
        raise AssertionError(f"what was read before is not the beginning of the text: {text[:100]!r}")


def error(status: int, scene: str, message: str) -> Callable[[Place, bool], None]:
    def case(at: Place, stream: bool) -> None:
        try:
            talk = at.client.talk(at.for_error(scene + "-stream" * stream), Ask(f"[{scene}] Fail."))
            if stream:
                talk.read([])
            else:
                talk.send(False)
        except at.client.own as raised:
            got = at.client.status(raised)
            if got != status and not (status > 500 and got > 500):  # 529 is Anthropic's alone
                raise AssertionError(f"status {got}, want {status}: {raised}") from raised
            if status in at.client.raises and not isinstance(raised, at.client.raises[status]):
                raise AssertionError(f"raised {type(raised).__name__}, want {at.client.raises[status].__name__}") from raised
            if message not in str(raised):
                raise AssertionError(f"the message does not say {message!r}: {raised}") from raised
            if status == 429 and not at.client.headers(raised).get("retry-after"):
                raise AssertionError("no Retry-After came with the 429") from raised
        else:
            raise AssertionError("nothing was raised")

    return case


def count(at: Place, stream: bool) -> None:
    tokens = at.client.talk(at.model, Ask("[plain] Say something.")).count()
    if not tokens or tokens < 1 or at.direct and tokens != PROMPT_TOKENS:
        raise AssertionError(f"{tokens} tokens were counted")


# Each case, plain and streamed as far as it has both forms.
CASES: list[tuple[str, Callable[[Place, bool], None], bool]] = [
    ("plain", plain, False),
    ("plain, streamed", plain, True),
    ("system", system, False),
    ("tool loop", tools, False),
    ("tool loop, streamed", tools, True),
    ("image", image, False),
    ("structured", structured, False),
    ("structured, streamed", structured, True),
    ("reasoning", reasoning, False),
    ("reasoning, streamed", reasoning, True),
    ("long, streamed", long, True),
    ("cut, streamed", cut, True),
    ("400", error(400, "error400", "The scene asks for a bad request."), False),
    ("429", error(429, "error429", "Rate limit"), False),
    ("429, streamed", error(429, "error429", "Rate limit"), True),
    ("500", error(500, "error500", "The scene asks for a server error."), False),
    ("overloaded", error(503, "overloaded", ""), False),
    ("count", count, False),
]

# The scenes after which a provider rests, each with a provider of its own for each client.
FAILING = ["cut", "error400", "error429", "error429-stream", "error500", "overloaded"]


def cases_of(client: Client) -> list[tuple[str, Callable[[Place, bool], None], bool]]:
    return [c for c in CASES if c[0] != "count" or client.counts]
