"""``opea-pulumi ingest``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from opea_pulumi.errors import OpeaError, UsageError

from ._output import json_option, note, table, write_json
from ._stack import ca_option, running, stack_option

if TYPE_CHECKING:
    from opea_pulumi.operations import Application


@click.command(name="ingest")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--list", "list_only", is_flag=True, help="List the ingested documents instead.")
@click.option("--delete", metavar="NAME", help="Delete one document; 'all' deletes every one.")
@stack_option()
@ca_option
@json_option
def command(
    sources: tuple[str, ...],
    list_only: bool,
    delete: str | None,
    stack: str | None,
    ca: str | None,
    as_json: bool,
) -> int:
    """Give documents to a running application: files, folders, or http(s) links.

    A document of the same name is replaced; one that has not changed is left as it is.
    """
    if sum((bool(sources), list_only, bool(delete))) != 1:
        message = "say what to ingest: files, folders or links; or --list, or --delete NAME"
        raise UsageError(message, code="what-to-ingest")
    application = running(stack, ca, need_graph=False)
    if delete:
        from opea_pulumi.operations import delete_document

        delete_document(application, delete)
        note(f"deleted {delete}")
        if as_json:
            write_json({"deleted": delete})
        return 0
    if list_only:
        _list(application, as_json=as_json)
        return 0
    return _ingest(application, sources, as_json=as_json)


def _list(application: Application, *, as_json: bool) -> None:
    from opea_pulumi.operations import documents

    found = documents(application)
    if as_json:
        write_json(found)
    else:
        table(("NAME", "TYPE"), ((str(row["name"]), str(row["type"])) for row in found))


def _ingest(application: Application, sources: tuple[str, ...], *, as_json: bool) -> int:
    """Every source is tried; those that fail are named in the end."""
    taken: list[str] = []
    failed: list[OpeaError] = []
    for name, send in list(_jobs(application, sources)):
        try:
            send()
        except OpeaError as error:
            failed.append(error)
            continue
        taken.append(name)
        if not as_json:
            note(f"ingested {name}")
    if as_json:
        write_json({"ingested": taken, "failed": [error.to_dict() for error in failed]})
    for failure in failed:
        note(f"error: {failure}")
    return 1 if failed else 0


def _jobs(application: Application, sources: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], None]]]:
    from functools import partial

    from opea_pulumi.operations import expand, ingest_file, ingest_link, is_link

    for document in expand(source for source in sources if not is_link(source)):
        yield document.name, partial(ingest_file, application, document)
    for link in filter(is_link, sources):
        yield link, partial(ingest_link, application, link)
