"""Daemons that record, and what replaying says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode

_RUN_RECORDED = (
    'case " $* " in *" run "*) eval "$BEFORE"; exec "$@" $OPTIONS --record "$0";; esac; exec "$@"'
)
"""For sh: adds the option to the command line of the daemon, and of no other command."""


def recording_node(
    cluster: Cluster,
    name: str = "node-a",
    *,
    options: str = "",
    before: str = "",
    path: Path | None = None,
    **more: Any,  # noqa: ANN401  # handed on
) -> tuple[DaemonNode, Path]:
    """Make a node whose daemon records; nothing of it runs yet.

    `options` goes on its command line, `before` is done by its shell before it starts.
    """
    found = cluster.folder / name / "recording.jsonl" if path is None else path
    node = cluster.node(
        name,
        prefix=["sh", "-c", _RUN_RECORDED, str(found)],
        environment={"OPTIONS": options, "BEFORE": before},
        **more,
    )
    return node, found


def replay(
    *words: str | Path, python: str = sys.executable, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run `hakeeper replay` with these words."""
    return subprocess.run(
        [python, "-m", "hakeeper", "replay", *map(str, words)],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def replay_json(path: Path, **environ: str) -> dict[str, Any]:
    """Run `hakeeper replay --json`, and return what it says."""
    done = replay(path, "--json", **environ)
    assert "" == done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a whole recording."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def events_of(path: Path) -> list[str]:
    """Return the kinds of event, in their order."""
    return [event["is"] for line in lines_of(path) for event in line.get("events", [])]


def effects_of(path: Path) -> list[dict[str, Any]]:
    """Return all effects, in their order."""
    return [effect for line in lines_of(path) for effect in line.get("effects", [])]
