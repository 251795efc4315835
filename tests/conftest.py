"""What holds for every test."""

import signal

import pytest

MACHINE = {
    "components",
    "docker",
    "embedded",
    "engine",
    "local",
    "operations",
    "packaging",
    "provider",
    "stacks",
}
"""Folders whose tests run processes: they take turns on one of the workers, the others share what is left."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Whole files to each worker, and everything that runs processes to one of them."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return "machine" if file.split("/")[1] in MACHINE else file

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
