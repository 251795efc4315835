"""The llm contract: OpenAI chat completions."""

from __future__ import annotations

from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._openai import content_of
from ._prompt import rag_prompt
from ._request import question_of
from ._sent import Received, Sent, StreamForm
from ._text import answered

# what OPEA's ChatQnA always sends, and what it sends or we add when the client asks for it
ALWAYS = ("max_tokens", "top_p", "temperature", "frequency_penalty")
WHEN_SET = ("presence_penalty", "top_k", "repetition_penalty")
# fields of the OpenAI API that mean the same to every server
_OPENAI = (
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "n",
    "parallel_tool_calls",
    "response_format",
    "seed",
    "stop",
    "stream_options",
    "tool_choice",
    "tools",
    "top_logprobs",
    "user",
)


class Llm(Always):
    """ChatCompletionRequest -> ChatCompletion, or its chunks as server-sent events."""

    def request(self, ask: Ask) -> Sent:
        """See ``document``."""
        return Sent.json(self.document(ask), StreamForm.CHAT if ask.streams else None)

    def document(self, ask: Ask) -> dict[str, Any]:
        """Messages (a prompt when something was to be retrieved) and the user's parameters.

        Only the final step streams: one in the middle is read as a whole.
        """
        talk = ask.talk
        request = {"messages": self._messages(talk), "stream": ask.streams}
        request |= pick(talk.parameters, (*ALWAYS, *WHEN_SET))
        request |= pick(talk.given, _OPENAI)
        if "max_completion_tokens" in request:
            del request["max_tokens"]
        if not request["stream"]:
            request.pop("stream_options", None)
        model = talk.parameters.get("model")
        if model:
            request["model"] = model
        # a server outside gets OpenAI's fields only: it may refuse others, and the sources are ours
        if talk.documents is not None and not ask.step.external_service:
            request["documents"] = talk.sources
        return request

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The answer; for a step after this one it is the new question."""
        answer = got.json
        return answered(talk, content_of(answer), Answer(answer, answer))

    def _messages(self, talk: Conversation) -> list[Any]:
        if talk.prompt is not None:
            return [{"role": "user", "content": talk.prompt}]
        if talk.documents is None:
            return talk.messages or [{"role": "user", "content": question_of(talk)}]
        passages = [document.text for document in talk.documents]
        prompt = rag_prompt(talk.query, passages, talk.parameters.get("chat_template"))
        return [{"role": "user", "content": prompt}]
