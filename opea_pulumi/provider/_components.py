"""The component classes of the installed targets, imported no sooner than they are needed."""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Iterable

import pulumi

from opea_pulumi.errors import EngineError

GROUP = "opea_pulumi.components"
"""Entry points of this group name a module whose ``COMPONENTS`` is an iterable of component classes."""

_OWN = ("Process", "ProcessArgs", "LocalVolume", "LocalVolumeArgs")

ComponentClass = type[pulumi.ComponentResource]


class Components:
    """What the entry points offer.

    A target whose extra is not installed is left out, until something of it is asked for.
    """

    def __init__(self, entry_points: Iterable[importlib.metadata.EntryPoint] | None = None) -> None:
        found = importlib.metadata.entry_points(group=GROUP) if entry_points is None else entry_points
        self._waiting = sorted(found, key=lambda entry: entry.name)
        self.loaded: list[ComponentClass] = []
        self.missing: dict[str, str] = {}
        self._owners = dict.fromkeys(_OWN, "the plugin itself")

    def load_all(self) -> None:
        """Import every target's module."""
        while self._waiting:
            self._load(0)

    def load_until(self, name: str) -> None:
        """Import modules until one has the class ``name``, those of which the name reminds first.

        Raises :class:`EngineError` when none has it: ``unknown-component``, or ``missing-extra``.
        """
        self._waiting.sort(key=lambda entry: not name.lower().startswith(entry.name.lower()))
        while all(component.__name__ != name for component in self.loaded):
            if not self._waiting:
                raise self._unknown(name)
            self._load(0)

    def _load(self, index: int) -> None:
        entry = self._waiting.pop(index)
        try:
            self._add(entry.load().COMPONENTS)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
                raise
            self.missing[entry.name] = str(error)

    def _add(self, components: Iterable[ComponentClass]) -> None:
        for component in components:
            for name in _names(component):
                owner = self._owners.setdefault(name, component.__module__)
                if owner != component.__module__:
                    raise duplicate(name, owner, component.__module__)
            self.loaded.append(component)

    def _unknown(self, name: str) -> EngineError:
        if not self.missing:
            return EngineError(f"there is no component opea:index:{name}", code="unknown-component")
        installs = " or ".join(f"pip install 'opea-pulumi[{extra}]'" for extra in sorted(self.missing))
        return EngineError(
            f"there is no component opea:index:{name} among the installed targets "
            f"({'; '.join(f'{extra}: {why}' for extra, why in sorted(self.missing.items()))})",
            code="missing-extra",
            hint=installs,
        )


def duplicate(name: str, one: str, other: str) -> EngineError:
    """The error about a name that two targets define."""
    return EngineError(
        f"{one} and {other} both define {name}",
        code="duplicate-component",
        hint="begin the names of classes and types with the target's name",
    )


def _names(component: ComponentClass) -> list[str]:
    arguments = inspect.get_annotations(component.__init__).get("args")
    return [component.__name__, *([arguments.__name__] if isinstance(arguments, type) else [])]
