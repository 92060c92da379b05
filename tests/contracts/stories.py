"""All stories, and what none of them shows."""

import inspect
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import get_args

from hakeeper.core.calls import Answer, FailureKind, Request
from hakeeper.simulate.faults.kinds import API_FAULTS, CLOUD_STATE
from tests.contracts.port import Shown, Story

TO_SHOW: frozenset[Shown] = frozenset(
    (*get_args(Request), *get_args(Answer), *FailureKind, *API_FAULTS, *CLOUD_STATE)
)
"""Every request, every answer, every class of failure, every fault of the world's API."""


def all_stories() -> dict[str, Story]:
    """Find every test here that is told to a port."""
    found: dict[str, Story] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.contracts.{path.stem}")
        functions = inspect.getmembers(module, inspect.isfunction)
        found |= {name: story for name, story in functions if _is_told_to_a_port(name, story)}
    return found


def _is_told_to_a_port(name: str, function: Story) -> bool:
    return name.startswith("test_") and "port" in inspect.signature(function).parameters


def shown_by(story: Story) -> frozenset[Shown]:
    """Return what a story is marked to show; nothing if it has no mark."""
    shown: frozenset[Shown] = getattr(story, "shows", frozenset())
    return shown


def without_story(stories: Iterable[Story]) -> set[Shown]:
    """Return what none of these shows."""
    return set(TO_SHOW.difference(*map(shown_by, stories)))
