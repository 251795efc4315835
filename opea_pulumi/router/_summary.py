"""Services that answer with a text of their own making: summaries, questions and answers, agents."""

from __future__ import annotations

from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._llm import ALWAYS, WHEN_SET, Llm
from ._openai import content_of
from ._request import question_of
from ._sent import Received, Sent, StreamForm
from ._text import answered, completion_of, text_in


class _Writer(Always):
    """Answers with a GeneratedDoc (``text``)."""

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The text."""
        answer = got.json
        text = text_in(answer)
        return answered(talk, text, Answer(answer, completion_of(text)))


class DocSum(_Writer):
    """DocSumChatCompletionRequest -> GeneratedDoc, or LangChain's patches as server-sent events."""

    _LANGUAGE = "auto"

    def request(self, ask: Ask) -> Sent:
        """The text, the llm's parameters and how to sum up."""
        document = {**self._document(ask.talk), "stream": ask.streams}
        return Sent.json(document, StreamForm.TEXT if ask.streams else None)

    def _document(self, talk: Conversation) -> dict[str, Any]:
        parameters = talk.parameters
        names = (*ALWAYS, *(name for name in (*WHEN_SET, "model") if parameters.get(name)))
        return {
            "messages": question_of(talk),
            **{name: parameters[name] for name in names},
            "language": parameters.get("language", self._LANGUAGE),
            "summary_type": parameters.get("summary_type", "auto"),
            "chunk_size": parameters.get("chunk_size", -1),
            "chunk_overlap": parameters.get("chunk_overlap", -1),
        }


class ArbPostHearing(DocSum):
    """ArbPostHearingAssistantChatCompletionRequest -> GeneratedDoc; it never streams."""

    _LANGUAGE = "en"

    def request(self, ask: Ask) -> Sent:
        """The hearing's text and the same parameters."""
        return Sent.json(self._document(ask.talk))


class FaqGen(_Writer):
    """ChatCompletionRequest -> GeneratedDoc, or LangChain's patches: asked as an llm (CHATQNA_FAQGEN)."""

    def request(self, ask: Ask) -> Sent:
        """An llm's request, but for the sources: it would take them for a prompt's."""
        document = {**Llm().document(ask), "stream": ask.streams}
        document.pop("documents", None)
        return Sent.json(document, StreamForm.TEXT if ask.streams else None)


class Agent(_Writer):
    """AgentCompletionRequest -> GeneratedDoc; by its path it may also be asked as an llm and answer as one.

    It is never asked to stream: what streams is the work of the agent, in a form of each strategy's own.
    """

    _GIVEN = ("thread_id", "user_id", "tool_choice")

    def request(self, ask: Ask) -> Sent:
        """The messages, and the thread when the client names one."""
        talk = ask.talk
        messages = talk.messages if talk.messages and talk.prompt is None else question_of(talk)
        return Sent.json({"messages": messages, "stream": False, **pick(talk.given, self._GIVEN)})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The text, or a chat completion's."""
        answer = got.json
        if "choices" in answer:
            return answered(talk, content_of(answer), Answer(answer, answer))
        return super().read(talk, got)
