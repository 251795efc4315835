"""Running pip."""

from __future__ import annotations

import subprocess
import sys

from opea_pulumi.errors import OperationError


def pip(*arguments: str) -> None:
    """Run this Python's pip quietly.

    Raises:
        OperationError: it failed, or there is none.
    """
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    last = [line for line in result.stderr.splitlines() if line.strip()][-3:]
    hint = "python -m ensurepip" if "No module named pip" in result.stderr else ""
    message = f"pip can't get what the image needs: {' '.join(last)}"
    raise OperationError(message, code="pip-failed", hint=hint)
