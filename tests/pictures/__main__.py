"""`python -m tests.pictures`: run the commands on real terminals, and draw what they show.

Two nodes with real keepalived and hakeeper on a simulated Hetzner Cloud. The pictures of docs/ are
drawn at 80 columns. With `--look FOLDER` all are drawn into a folder, at 80 and 120 columns, and
every line that did not fit is named; the exit code is 1 then. As root.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hakeeper.demo.cloud import Fault, SimCloud
from hakeeper.demo.lab import Lab, LabSettings, Node, VrrpInstance, is_event, wait_until
from tests.outage.stage import ADDRESS, VRRP, unavailable
from tests.pictures.draw import svg
from tests.pictures.terminal import Screen, show

DOCS = Path(__file__).parents[2] / "docs"
IN_DOCS = {"status-trouble": "status.svg", "history": "history.svg", "demo": "demo.svg"}
"""The pictures that are in docs/, by their names here."""
WIDTHS = (80, 120)
_PATIENCE_S = 60.0
_HAKEEPER = (sys.executable, "-m", "hakeeper")


@dataclass(frozen=True, slots=True)
class Picture:
    """What one command shows at one width."""

    name: str
    command: str
    screen: Screen


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; fail if a line did not fit."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--look", type=Path, metavar="FOLDER", help="draw all, and into a folder")
    given = parser.parse_args(arguments)
    reason = unavailable()
    if reason is not None:
        sys.stderr.write(f"nothing can be shown here: {reason}\n")
        return 77
    did_not_fit = 0
    for made in [*of_the_pair(), *of_one_machine()]:
        width = made.screen.columns
        for line in made.screen.wrapped:
            did_not_fit += 1
            sys.stderr.write(f"{made.name}, {width} columns: does not fit: {line}\n")
        text = svg(made.screen, made.command)
        if given.look:
            given.look.mkdir(parents=True, exist_ok=True)
            (given.look / f"{made.name}-{width}.svg").write_text(text)
        elif made.name in IN_DOCS and width == WIDTHS[0]:
            (DOCS / IN_DOCS[made.name]).write_text(text)
    return 1 if did_not_fit else 0


def of_one_machine() -> Iterator[Picture]:
    """Show the commands that bring their own world."""
    for width in WIDTHS:
        for name, words in {"demo": ("demo", "--no-pauses"), "simulate": ("simulate",)}.items():
            screen = show([*_HAKEEPER, *words], {}, width)
            yield Picture(name, f"hakeeper {words[0]}", screen)


def of_the_pair() -> Iterator[Picture]:
    """Let things happen to a pair of nodes, and ask the commands."""
    one = VrrpInstance(vips=(f"{ADDRESS}/32",))
    vrrp = replace(VRRP["fast"], instances=(one,), steps_down=True)
    settings = LabSettings(vrrp=vrrp, interval="2s", standby_interval="5s")
    with SimCloud() as cloud, Lab(settings, cloud) as lab:
        first, second = lab.nodes
        for node in lab.nodes:
            node.hakeeper.start()
        lab.start_keepalived()
        first.hakeeper.wait_for_log(is_event("address.claimed"), timeout_s=_PATIENCE_S)
        _wait_for_health(first, "ok")
        yield from _asked(first, "status", "status")
        yield from _asked(first, "explain", "explain")
        yield from _asked(second, "explain-backup", "explain")
        yield from _asked(first, "drill", "drill")
        _wait_for_health(first, "ok")
        with cloud.faulty(Fault(status=503, code="unavailable")):
            _wait_for_health(first, "degraded")
            yield from _asked(first, "status-trouble", "status")
            yield from _asked(first, "watch", "status", "--watch")
        _wait_for_health(first, "ok")
        cloud.move(lab.floating_ips["web"], second.server_id)
        wait_until(
            lambda: cloud.holder(lab.floating_ips["web"]) == first.server_id,
            timeout_s=_PATIENCE_S,
            what="the address to come back",
        )
        yield from _asked(first, "status-disputed", "status")
        yield from _asked(first, "history", "history")


def _asked(node: Node, name: str, *words: str) -> Iterator[Picture]:
    """Ask a node's hakeeper at each width; a watch, until it has shown all of its first frame."""
    environ = {
        "RUNTIME_DIRECTORY": str(node.hakeeper.runtime_folder),
        "STATE_DIRECTORY": str(node.hakeeper.state_folder),
    }
    argv = node.namespace.inside([*_HAKEEPER, *words])
    for width in WIDTHS:
        screen = show(
            argv, environ, width, is_enough=lambda it: "--watch" in words and len(it.lines) > 3
        )
        yield Picture(name, " ".join(("hakeeper", *words)), screen)


def _wait_for_health(node: Node, health: str) -> None:
    wait_until(
        lambda: node.hakeeper.status()["health"] == health,
        timeout_s=_PATIENCE_S,
        what=lambda: f"{health}: {node.hakeeper.status()}",
    )


if __name__ == "__main__":
    sys.exit(main())
