"""The prompt of retrieval-augmented generation."""

from __future__ import annotations

import string
from collections.abc import Iterable

from ._errors import bad_request

# OPEA's markers (ChatQnA's ChatTemplate): models and the extractive llm find the parts by them
_PROMPT = """### You are a helpful, respectful and honest assistant that answers questions.
Use the search results from the local knowledge base below. Leave out whatever in them does not
bear on the question. If you don't know the answer, say so and don't make one up.

### Search results: {context}

### Question: {question}

### Answer:
"""


def rag_prompt(question: str, passages: Iterable[str], template: object = None) -> str:
    """The prompt for a question and the passages found for it.

    ``template`` is the user's ``chat_template``, with ``{question}`` and perhaps ``{context}``.

    Raises:
        RouterError: the template is no such text (400).
    """
    context = "\n".join(passages)
    form = _PROMPT if template in (None, "") else _checked(template)
    parts = []
    # never str.format: a template comes from the client and must not reach attributes
    for text, name, _, _ in string.Formatter().parse(form):
        parts.append(text)
        if name:
            parts.append(question if name == "question" else context)
    return "".join(parts)


def _checked(template: object) -> str:
    if not isinstance(template, str):
        raise bad_request("bad-template", "chat_template must be a text")
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError:
        fields = set()
    if fields not in ({"question"}, {"question", "context"}):
        message = "chat_template needs {question}, may have {context}, and nothing else in braces"
        raise bad_request("bad-template", message)
    return template
