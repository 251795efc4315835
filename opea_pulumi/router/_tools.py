"""Steps between other steps: which model to ask, which language to answer in, which prompt to use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._request import question_of
from ._sent import Received, Sent
from ._text import text_in

_TEMPLATES = ("system_prompt_template", "user_prompt_template")
_HISTORY = ("conversation_history", "conversation_history_parse_type")


class Route(Always):
    """TextDoc -> RouteEndpointDoc: which model fits the question. A condition on ``url`` acts on it."""

    def request(self, ask: Ask) -> Sent:
        """The question."""
        return Sent.json({"text": question_of(ask.talk)})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The answer; the router itself calls no address that it did not load."""
        answer = got.json
        text_in(answer, "url")
        return replace(talk, answer=Answer(answer))


class LanguageDetection(Always):
    """GeneratedDoc (or TranslationInput) -> PromptTemplateInput: a prompt that translates, and its parts."""

    def request(self, ask: Ask) -> Sent:
        """An answer and the question whose language it should have, or a text and the language for it."""
        talk = ask.talk
        if talk.asked is None and "target_language" in talk.given:
            return Sent.json({"text": question_of(talk), "target_language": talk.given["target_language"]})
        # the service looks for the question in an llm's prompt, between these two marks
        asked = talk.asked if talk.asked is not None else question_of(talk)
        return Sent.json({"prompt": f"### Question: {asked}\n\n### Answer:", "text": question_of(talk)})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The parts, for the prompt template behind it."""
        answer = got.json
        parts = {name: answer[name] for name in ("data", *_TEMPLATES)}
        if not isinstance(parts["data"], dict):
            raise TypeError("data is no object")
        return replace(talk, template=parts, answer=Answer(answer))


class PromptTemplate(Always):
    """PromptTemplateInput -> LLMParamsDoc: the prompt for the llm behind it."""

    def request(self, ask: Ask) -> Sent:
        """The parts of a language detection, the client's own, or the question and what was found."""
        talk = ask.talk
        if talk.template is not None:
            return Sent.json(dict(talk.template))
        return Sent.json({"data": self._data(talk), **pick(talk.given, (*_TEMPLATES, *_HISTORY))})

    def _data(self, talk: Conversation) -> Any:
        if "data" in talk.given:
            return talk.given["data"]
        found = [
            {"text": document.text, "metadata": {"url": document.source} if document.source else None}
            for document in talk.documents or ()
        ]
        return {"user_prompt": question_of(talk), "reranked_docs": found}

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The prompt, ready to be asked."""
        answer = got.json
        prompt = text_in(answer, "chat_template")
        return replace(talk, prompt=prompt, template=None, answer=Answer(answer))
