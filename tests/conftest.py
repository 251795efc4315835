"""What holds for every test."""

import signal
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MACHINE = {
    "components",
    "embedded",
    "engine",
    "local",
    "operations",
    "packaging",
    "provider",
    "router",
    "stacks",
}
"""Folders whose tests run processes: they take turns on one of the workers, the others share what is left."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.relative_to(HERE).parts[0] in MACHINE:
            item.add_marker(pytest.mark.xdist_group("machine"))


def pytest_terminal_summary(terminalreporter):
    """Figures that tests measured (``record_property("figure", text)``), whoever ran them."""
    reports = [report for outcome in terminalreporter.stats.values() for report in outcome]
    for report in reports:
        for name, text in getattr(report, "user_properties", ()):
            if name == "figure" and getattr(report, "when", "") == "call":
                terminalreporter.write_line(text)


# a job in the background of a plain shell ignores Ctrl-C, and so would every child that a test interrupts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
