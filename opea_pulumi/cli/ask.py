"""``opea-pulumi ask``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ._output import json_option, note, write_json
from ._stack import ca_option, connected, select_stack, stack_option

if TYPE_CHECKING:
    from opea_pulumi.operations import Answer


@click.command(name="ask")
@click.argument("question")
@click.option("-k", "passages", type=click.IntRange(1), help="How many passages to retrieve.")
@stack_option()
@ca_option
@json_option
def command(question: str, passages: int | None, stack: str | None, ca: str | None, as_json: bool) -> None:
    """Ask a running application QUESTION; prints the answer as it comes, its sources and the URL."""
    application, outputs = connected(select_stack(stack), ca)
    from opea_pulumi.operations import ask

    parameters = {"k": passages} if passages else {}
    answer = ask(application, question, **parameters)
    if as_json:
        text = answer.read()
        sources = [asdict(source) for source in answer.sources]
        write_json({"question": question, "answer": text, "sources": sources, "url": outputs["url"]})
        return
    try:
        for piece in answer:
            click.echo(piece, nl=False)
    finally:
        if answer.text:
            click.echo()
    _sources(answer)
    note(f"url: {outputs['url']}")


def _sources(answer: Answer) -> None:
    names = list(dict.fromkeys(source.source for source in answer.sources))
    if names:
        click.echo(f"sources: {', '.join(names)}")
    else:
        note("no documents were found for this question; opea-pulumi ingest FILE adds some")
