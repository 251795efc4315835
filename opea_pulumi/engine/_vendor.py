"""The vendor's own installer, through the SDK, in a child process so that it can be stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from opea_pulumi.engine._process import ProcessFailed, run
from opea_pulumi.engine.find import Report
from opea_pulumi.engine.home import Home

_TIMEOUT = 600.0  # seconds; some 120 MB come over the network

# The SDK has no time limit of its own: 20 s for any one wait on the network.
_CODE = """
import socket, subprocess, sys
socket.setdefaulttimeout(20)
from pulumi.automation import PulumiCommand
from semver import VersionInfo
try:
    PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
except subprocess.CalledProcessError as error:
    sys.exit((error.output or b"").decode(errors="replace")[-2000:] or str(error))
except Exception as error:
    sys.exit(str(getattr(error, "reason", error)))
"""


def fetch(draft: Path, version: str, _home: Home, _report: Report) -> None:
    """Install ``version`` into ``draft/bin``. Raises ProcessFailed with the reason."""
    draft.mkdir(parents=True)
    run([sys.executable, "-c", _CODE, str(draft), version], cwd=draft, env=os.environ, timeout=_TIMEOUT)
    if not (draft / "bin" / "pulumi").exists():
        raise ProcessFailed("it left no bin/pulumi")
