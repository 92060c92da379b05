import os
import signal
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, and nothing is wrong with what is tested: no limit on the clock.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell starts what runs in the background with SIGINT ignored, and nohup(1) what it runs with
# SIGHUP ignored; every child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _signals_are_left_alone() -> Generator[None]:
    """A test that leaves signals blocked or ignored would have programs of later ones hang."""
    before = _signals()
    yield
    after = _signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, before[0])
    assert after == before


def _signals() -> tuple[set[int], dict[int, object]]:
    """Those that are blocked, and what the others lead to."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers: dict[int, object] = {number: signal.getsignal(number) for number in numbers}
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ())), handlers


def _skips_are_failures() -> bool:
    return os.environ.get("CI") == "true" or os.environ.get("HAKEEPER_NO_SKIPS") == "1"


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """A test that did not run has proved nothing, and CI must say so by name."""
    if report.skipped and not hasattr(report, "wasxfail") and _skips_are_failures():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, which CI does not allow: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    report = yield
    _fail_if_skipped(report)
    return report
