"""What holds for every test."""

import signal
from collections import Counter

import pytest

MACHINE = {
    "components",
    "embedded",
    "engine",
    "local",
    "operations",
    "packaging",
    "provider",
    "stacks",
}
"""Folders whose tests run processes: they take turns on one of the workers."""

GROUPS = ("machine", "docker")
"""What one worker runs in turn and longest of all, so it starts first; other files go to whoever is free."""


def _scope(nodeid):
    file = nodeid.partition("::")[0]
    folder = file.split("/")[1]
    return "machine" if folder in MACHINE else folder if folder in GROUPS else file


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """With workers: the groups first, then the files with most tests."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(_scope(item.nodeid) for item in items)
    items.sort(key=lambda item: (_scope(item.nodeid) not in GROUPS, -sizes[_scope(item.nodeid)]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Whole files to each worker, a group to one of them, in the order of the collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _scope(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


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
