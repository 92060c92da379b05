"""Diagrams of the documents, drawn from the core's tables by Graphviz.

Each is an SVG file that holds the checksum of what it was drawn from. So a test sees that it is old
without drawing it, whichever version of Graphviz drew it.
"""

import hashlib
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

from hakeeper.core.claim.happenings import Demoted, Master
from hakeeper.core.claim.stages import Held, HoldDown, Idle
from hakeeper.core.claim.table import STAGES, TABLE
from tests.support.generated_docs import REWRITE

_HEAD = """\
digraph {
  graph [rankdir=TB, nodesep=0.45, ranksep=0.55, bgcolor="#ffffff", pad=0.2, fontname="sans-serif"]
  node [shape=box, style="rounded,filled", fillcolor="#eef2f7", color="#5b6b7f",
        fontname="sans-serif", fontsize=12, margin="0.15,0.08"]
  edge [color="#5b6b7f", fontname="sans-serif", fontsize=10, fontcolor="#35404d"]
"""
_COLOURS = {Idle: "#e4e4e4", Held: "#d3eed8", HoldDown: "#f8dcd4"}


def claim_stages() -> str:
    """Return the stages of a claim, and what leads from one to another, in Graphviz's language.

    Becoming MASTER and losing that role lead from every stage to the same ones: they are drawn for
    Idle alone, as the way in, and not at all.
    """
    causes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for happening, cells in TABLE.items():
        if happening is Demoted:
            continue
        for stage, cell in cells.items():
            if happening is Master and stage is not Idle:
                continue
            for target in cell.to:
                if target is not stage:
                    causes[stage.__name__, target.__name__].append(_words(happening.__name__))
    lines = [
        f'  {stage.__name__} [label="{_words(stage.__name__)}\\n({stage.label})"{_fill(stage)}]'
        for stage in STAGES
    ]
    lines += [
        f'  {source} -> {target} [label="{", ".join(names)}"]'
        for (source, target), names in causes.items()
    ]
    return _HEAD + "\n".join(lines) + "\n}\n"


def check_diagram(picture: Path, dot: str) -> None:
    """See that the picture was drawn from this; with HAKEEPER_REWRITE_DOCS it is drawn anew."""
    mark = f"<!-- drawn from {hashlib.sha256(dot.encode()).hexdigest()} -->"
    old = mark not in picture.read_text()
    if old and os.environ.get(REWRITE):
        argv = ["dot", "-Tsvg"]
        done = subprocess.run(argv, input=dot, capture_output=True, text=True, check=True)
        picture.write_text(re.sub(r"(?=<svg)", f"{mark}\n", done.stdout, count=1))
    assert not old, f"run the test with {REWRITE}=1 to draw {picture.name}; it needs Graphviz's dot"


def _words(name: str) -> str:
    """Write a name as words: `ActionRunning` is `action running`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _fill(stage: type) -> str:
    colour = _COLOURS.get(stage)
    return f', fillcolor="{colour}"' if colour else ""
