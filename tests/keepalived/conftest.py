"""Fixtures for scenarios with real keepalived; `hakeeper.demo.lab` does the work."""

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Lab, LabSettings
from tests.support.lab_scene import MakeScene, Scene

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session", autouse=True)
def _lab_is_possible() -> None:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")


@pytest.fixture
def make_scene(request: pytest.FixtureRequest) -> Iterator[MakeScene]:
    """Build a lab with its cloud; nothing in it is started."""
    with contextlib.ExitStack() as stack:

        def make(settings: LabSettings) -> Scene:
            cloud = stack.enter_context(SimCloud())
            lab = stack.enter_context(Lab(settings, cloud))
            stack.callback(_report_failure, request.node, lab, cloud)
            return Scene(lab, cloud)

        yield make


def _report_failure(item: pytest.Item, lab: Lab, cloud: SimCloud) -> None:
    if not item.stash.get(_FAILED, False):
        return
    print(lab.report())  # noqa: T201  # pytest shows it with the failure
    print("--- requests ---")  # noqa: T201  # likewise
    for one in cloud.requests()[-60:]:
        body = one.body if one.is_write else ""
        print(f"{one.received_s:.3f} {one.client} {one.method} {one.path} {one.status} {body}")  # noqa: T201


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    del call
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
