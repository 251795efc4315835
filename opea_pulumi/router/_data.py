"""Questions to databases. Where the database is, and the key to it, are the client's to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, Document, pick
from ._json import dumps
from ._request import question_of
from ._sent import Received, Sent


class TextToQuery(Always):
    """Text2QueryRequest -> what the database answered; SQL or Cypher is the service's own choice."""

    _QUESTION = "query"
    _GIVEN: tuple[str, ...] = (
        "conn_type",
        "conn_url",
        "conn_user",
        "conn_password",
        "conn_dialect",
        "options",
    )

    def request(self, ask: Ask) -> Sent:
        """The question, and the database when the client names one."""
        chosen = pick(ask.talk.given, self._GIVEN)
        return Sent.json({self._QUESTION: question_of(ask.talk), **chosen})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The result: for an llm behind it one more passage (as OPEA's HybridRAG has it)."""
        answer = got.json
        found = Document(_words(self._result(answer)))
        return replace(talk, documents=(*(talk.documents or ()), found), answer=Answer(answer))

    def _result(self, answer: Any) -> Any:
        # SQL: an object with the result; Cypher: the rows, or a text
        if isinstance(answer, str) or (
            isinstance(answer, list) and all(isinstance(row, dict) for row in answer)
        ):
            return answer
        return answer["result"]


class TextToSql(TextToQuery):
    """``{"input_text", "conn_str"}`` -> ``{"result"}``."""

    _QUESTION = "input_text"
    _GIVEN = ("conn_str",)

    def _result(self, answer: Any) -> Any:
        return answer["result"]


class TextToCypher(TextToQuery):
    """``{"input_text", "conn_str", "seeding"}`` -> the rows."""

    _QUESTION = "input_text"
    _GIVEN = ("conn_str", "seeding")


def _words(result: Any) -> str:
    if isinstance(result, dict) and isinstance(result.get("output"), str):
        return str(result["output"])
    return result if isinstance(result, str) else dumps(result).decode()
