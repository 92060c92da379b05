"""`hakeeper simulate`, run in this process, and what its tests have simulated."""

import json
from typing import Any

import pytest

from hakeeper.cli.main import run_command
from hakeeper.config import parse
from hakeeper.simulate.options import Options, read_options

PAIR = "instances: {VI_1: {floating_ips: [web]}}\n"
OWN = """\
instances: {VI_1: {floating_ips: [web, mail], vrrp_address: 10.0.0.2}}
groups: {G1: {floating_ips: [db]}}
keepalived: {state: none}
reconcile: {interval: 30s, standby_interval: 300s}
hetzner: {timeout: 8s}
"""


def simulated(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run_command(["simulate", *words])
    told = capfd.readouterr()
    return code, told.out, told.err


def document(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    code, out, err = simulated(capfd, *words, "--json")
    progress = [line for line in err.splitlines() if line.endswith("simulated hours")]
    assert (0, progress) == (code, err.splitlines())  # a busy machine is told how far it is
    found: dict[str, Any] = json.loads(out)
    return found


def wanted(
    text: str = PAIR,
    *,
    nodes: int = 2,
    clusters: int | None = None,
    hours: float = 0.2,
    faults: str = "none",
) -> Options:
    config = parse(text, "test")
    return read_options(config, nodes=nodes, clusters=clusters, hours=hours, faults=faults, seed=1)
