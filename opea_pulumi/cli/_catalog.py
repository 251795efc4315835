"""What ``catalog list`` and ``catalog show`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._output import table, write_json

if TYPE_CHECKING:
    from opea_pulumi.catalog import Found

_WIDTH = 98


def show_list(release: str | None, as_json: bool) -> None:
    """The applications, and of each release (or of one) what it has.

    Raises:
        CatalogError: there is no such release.
    """
    from opea_pulumi.catalog import applications, description, load_release, releases

    known = [{"name": name, "description": description(name)} for name in applications()]
    rows = [load_release(name) for name in ([release] if release else releases())]
    parts = ("services", "servers", "stores", "megaservices", "uis")
    found: list[dict[str, Any]] = [
        {
            "release": row.release,
            "profile": str(row.profile),
            "as_of": row.as_of.isoformat(),
            **{part: sorted(getattr(row, part)) for part in parts},
        }
        for row in rows
    ]
    if as_json:
        write_json({"applications": known, "releases": found})
        return
    # of the first line the first sentence: the rest says where the flow is from
    what = ((item["name"], item["description"].partition(". ")[0]) for item in known)
    table(("APPLICATION", "WHAT IT IS"), what)
    click.echo()
    table(("RELEASE", "PROFILE", "AS OF"), ((row["release"], row["profile"], row["as_of"]) for row in found))
    for row in found:
        for part in (part for part in parts if row[part]):
            click.echo(f"\nrelease {row['release']}, {part}:\n{_wrapped(row[part])}")


def show_name(name: str, release: str | None, as_json: bool) -> None:
    """Everything that the catalogue knows under a name.

    Raises:
        CatalogError: nothing has that name, or there is no such release.
    """
    from opea_pulumi.application import service_types
    from opea_pulumi.catalog import find

    aliases = {alias: kind.name for kind in service_types().values() for alias in kind.aliases}
    found = find(aliases.get(name, name), release)
    if as_json:
        write_json({"name": found[0].name, "found": [_data(item) for item in found]})
        return
    from ._catalog_text import show_entry

    for index, item in enumerate(found):
        if index:
            click.echo()
        show_entry(item)


def _data(item: Found) -> dict[str, Any]:
    from opea_pulumi.catalog import ModelRow, description

    data: dict[str, Any] = {"kind": item.kind, "name": item.name, "release": item.release}
    data["also_in"] = list(item.also)
    if isinstance(item.row, str):
        return {**data, "description": description(item.name), "yaml": item.row}
    data["row"] = item.row.model_dump(mode="json")
    if isinstance(item.row, ModelRow):
        from ._catalog_text import memory_of

        data["memory"] = memory_of(item.row)
    return data


def _wrapped(names: list[str]) -> str:
    lines = [""]
    for name in names:
        more = f"{lines[-1]}, {name}" if lines[-1] else name
        lines[-1:] = [more] if len(more) < _WIDTH else [f"{lines[-1]},", name]
    return "\n".join(f"  {line}" for line in lines)
