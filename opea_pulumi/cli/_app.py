"""Which application a command means, with the files and flags that are laid over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opea_pulumi.errors import EngineError
from opea_pulumi.home import home

if TYPE_CHECKING:
    from opea_pulumi.application import Loaded

_F = TypeVar("_F", bound=Callable[..., Any])
_META = "opea_pulumi.settings"

_FLAGS = {
    "hardware": "What model servers run on, instead of the application's own: xeon, gaudi, nvidia or rocm.",
    "release": "The OPEA release, instead of the application's own.",
    "vector-store": "The vector store, instead of the application's own.",
    "namespace": "The Kubernetes namespace, instead of the application's own.",
    "orchestrator": "Who runs the flow: router, megaservice, gmc or none.",
}


def files_option(function: _F) -> _F:
    """``-f FILE``, repeatable: the application's file, and those that are laid over it."""
    return click.option(
        "--file",
        "-f",
        "files",
        multiple=True,
        metavar="FILE",
        help="A file to lay over APP; may be given again. Without APP the first one is the application.",
    )(function)


def settings_options(function: _F) -> _F:
    """``--hardware``, ``--release`` and so on: :func:`load_app` lays them over the application's files."""
    for flag, text in reversed(_FLAGS.items()):
        option = click.option(f"--{flag}", metavar="NAME", help=text, expose_value=False, callback=_keep)
        function = option(function)
    return function


def exposure_options(function: _F) -> _F:
    """``--expose`` and ``--insecure-public``, as :func:`settings_options`."""
    flags = "--insecure-public/--no-insecure-public"
    text = "Accept that other machines reach it without API keys and TLS."
    accept = click.option(flags, default=None, help=text, expose_value=False, callback=_keep_flag)
    text = "Where this application listens for users (default: 127.0.0.1, a free port)."
    place = click.option(
        "--expose", "address", metavar="ADDRESS[:PORT]", help=text, expose_value=False, callback=_keep
    )
    return place(accept(function))


def _keep_flag(context: click.Context, option: click.Parameter, value: bool | None) -> None:
    _keep(context, option, None if value is None else str(value).lower())


def _keep(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value and option.name:
        context.meta.setdefault(_META, {})[option.name] = value


def given_settings() -> Mapping[str, str]:
    """The settings that the command line gives, by their names with underscores."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_META, {}) if context else {}


def load_app(app: str | None, files: Sequence[str] = (), config: Mapping[str, str] | None = None) -> Loaded:
    """The application of an APP argument: a path, else a catalogue name; none is this directory.

    ``files`` are laid over it (without ``app`` over the first of them), then ``config``, a stack's
    configuration, then the command line's settings.

    Raises:
        ApplicationError: there is no such application, or it is wrong.
    """
    from opea_pulumi.application import load_application, settings_in
    from opea_pulumi.catalog import applications

    if app is None and files:
        app, *files = files
    path: str | Path = app or "."
    if app and app in applications() and not Path(app).exists():
        path = _catalogue_copy(app)
    loaded = load_application(path, overlays=files)
    for settings, origin in ((settings_in(config or {}), "config"), (given_settings(), "flag")):
        loaded = loaded.with_settings(settings, origin) if settings else loaded
    return loaded


def _catalogue_copy(name: str) -> Path:
    """A stack records its application's path, so a catalogue name gets a file of its own under OPEA_HOME."""
    from opea_pulumi.application import FILE_NAME
    from opea_pulumi.catalog import application_files, application_text

    folder = home() / "applications" / name
    path = folder / FILE_NAME
    try:
        for file, text in {FILE_NAME: application_text(name), **application_files(name)}.items():
            _write(folder / file, text)
    except OSError as error:
        message = f"cannot write to {path}: {error.strerror}"
        hint = "choose another folder: export OPEA_HOME=DIRECTORY"
        raise EngineError(message, code="home-not-writable", hint=hint) from None
    return path


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text, "utf-8")
