"""``opea-pulumi config``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ._app import files_option, load_app, settings_options
from ._output import json_option, table, write_json
from ._stack import select_stack, stack_option

if TYPE_CHECKING:
    from opea_pulumi.application import Loaded
    from opea_pulumi.blueprint import Blueprint


class _Row(NamedTuple):
    """One value of an application, and what set it."""

    path: str
    value: Any
    origin: str


@click.group(name="config")
def command() -> None:
    """Show what an application's files, a stack's configuration and flags come to."""


@command.command()
@click.argument("app", required=False)
@files_option
@stack_option("Lay this stack's configuration over the files.")
@click.option("--profile", metavar="PROFILE", help="Which services: embedded or opea.")
@settings_options
@click.option("--resolved", is_flag=True, help="Add what the catalogue and defaults say.")
@click.option("--origin", is_flag=True, help="One line a value: its key path, the value, and what set it.")
@json_option
def show(
    app: str | None,
    files: tuple[str, ...],
    stack: str | None,
    profile: str | None,
    resolved: bool,
    origin: bool,
    as_json: bool,
) -> None:
    """Show APP (default: this directory) with everything that is laid over it.

    Later ones win: files in their order, the stack's configuration, flags. Secrets are never shown.
    """
    config = select_stack(stack).config() if stack else {}
    loaded = load_app(app, files, config)
    if profile:
        loaded = loaded.with_settings({"profile": profile}, "flag")
    rows = [*_written(loaded), *(_resolved(loaded) if resolved else ())]
    if origin and as_json:
        write_json([row._asdict() for row in rows])
    elif origin:
        table(("KEY", "VALUE", "SET BY"), [(row.path, _text(row.value), row.origin) for row in rows])
    else:
        _show_document(loaded, rows, as_json=as_json)


def _written(loaded: Loaded) -> Iterator[_Row]:
    from opea_pulumi.application import key_path

    for path, value in loaded.source.values():
        place = loaded.source.location(path, key=True)
        where = ":".join(str(part) for part in (place.file, place.line) if part is not None)
        yield _Row(key_path(path), value, where)


def _resolved(loaded: Loaded) -> Iterator[_Row]:
    """What no file and no setting says, but the known application or a default does."""
    from opea_pulumi.blueprint import build_blueprint

    with loaded.locating():
        blueprint = build_blueprint(loaded.application, name=loaded.name, files=loaded.files)
    for path, value, known in _answers(loaded, blueprint):
        if loaded.origin(path) is None and value:
            yield _Row(path, value, f"catalogue: {loaded.application.name}" if known else "default")


def _answers(loaded: Loaded, blueprint: Blueprint) -> Iterator[tuple[str, str, bool]]:
    """Key path, value, and whether the catalogue's application of that name says so."""
    from opea_pulumi.application import parse_application
    from opea_pulumi.catalog import application_text, applications, load_release

    name = loaded.application.name
    known = parse_application(application_text(name)) if name in applications() and name else None
    deployment = known.deployment if known else None
    store = loaded.application.deployment.vector_store or (deployment and deployment.vector_store)
    retrieves = any(workload.role == "store" for workload in blueprint.workloads)
    default_store = load_release(blueprint.release).default_store if retrieves else ""
    yield "opea_release", blueprint.release, False
    yield (
        "opea_mega_service.orchestrator",
        str(blueprint.orchestrator),
        bool(known and known.mega.orchestrator),
    )
    for key, value in (
        ("profile", str(blueprint.profile)),
        ("hardware", str(blueprint.hardware)),
        ("vector_store", store or default_store),
        ("namespace", blueprint.settings.namespace or blueprint.name),
    ):
        yield f"opea_deployment.{key}", value, bool(deployment and getattr(deployment, key))


def _show_document(loaded: Loaded, rows: list[_Row], *, as_json: bool) -> None:
    import copy

    import yaml

    document: dict[str, Any] = copy.deepcopy(dict(loaded.source.data))
    for row in rows:
        if loaded.origin(row.path) is None:
            _put(document, row)
    if as_json:
        write_json(document)
    else:
        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100), nl=False)


def _put(document: dict[str, Any], row: _Row) -> None:
    *above, last = row.path.split(".")
    for part in above:
        inner = document.get(part)
        document[part] = inner = dict(inner) if isinstance(inner, Mapping) else {}
        document = inner
    document[last] = row.value


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
