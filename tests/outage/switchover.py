"""`python -m tests.outage.switchover`: planned switchovers, there and back; is a request lost?

Each round has two fresh nodes in network namespaces with real keepalived and hakeeper. Both have
the floating IP on `lo` for good, besides the master's keepalived, and a web server on it. As root.
"""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hakeeper.demo.cloud import Fault, SimCloud
from hakeeper.demo.lab import Lab, LabSettings, Node, VrrpInstance, wait_until
from hakeeper.demo.lab.process import LabProcess
from tests.outage.stage import ADDRESS, VRRP, routes_follow, unavailable, web_server

_CALM_S = 1.0
"""So long the visitor is served before the switchover, and after it."""
_PATIENCE_S = 60.0
_LATENCY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchover:
    """What the visitor saw of one, there and back."""

    asked: int
    cut: int
    """Requests whose connection was open when the address moved; each was made again."""
    lost: tuple[str, ...]
    """Why no server answered, for each request that none did."""
    phases_s: tuple[float, float]
    """Until another node was MASTER, and from then until it had the address."""


def switch_over(profile: str, *, on_lo: bool = True) -> Switchover:
    """Step down and up while a visitor asks; without `on_lo` only keepalived has the address."""
    one = VrrpInstance(vips=(f"{ADDRESS}/32",))
    vrrp = replace(VRRP[profile], instances=(one,), steps_down=True)
    settings = LabSettings(vrrp=vrrp, interval="10s", standby_interval="60s")
    with SimCloud() as cloud, Lab(settings, cloud) as lab, contextlib.ExitStack() as stack:
        cloud.fault(Fault(delay_s=_LATENCY_S))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="switchover-")))
        for node in lab.nodes:
            stack.enter_context(web_server(node, folder, on_lo=on_lo))
            node.hakeeper.start()
        world = stack.enter_context(lab.another_host("world"))
        stack.enter_context(routes_follow(cloud, lab, world))
        first, second = lab.nodes
        lab.start_keepalived()
        _wait_claimed(lab, cloud, first)
        visitor = LabProcess(
            "visitor",
            [sys.executable, str(Path(__file__).with_name("visitor.py")), ADDRESS],
            log_path=folder / "visitor.log",
            namespace=world,
        )
        stack.callback(visitor.close)
        time.sleep(_CALM_S)  # the measure of calm, no wait for anything
        done = first.hakeeper.command("step-down", "--json")
        assert done.returncode == 0, done.stdout
        assert cloud.holder(lab.floating_ips["web"]) == second.server_id
        found = json.loads(done.stdout)["step_down"]
        time.sleep(_CALM_S)  # likewise
        assert first.hakeeper.command("step-up").returncode == 0
        _wait_claimed(lab, cloud, first)
        time.sleep(_CALM_S)  # likewise
        visitor.signal(signal.SIGTERM)
        visitor.wait(_PATIENCE_S)
        seen = json.loads(visitor.log_text())
        return Switchover(
            asked=seen["asked"],
            cut=len(seen["cut"]),
            lost=tuple(why for _, why in seen["lost"]),
            phases_s=(found["yield_s"], found["claim_s"]),
        )


def _wait_claimed(lab: Lab, cloud: SimCloud, node: Node) -> None:
    wait_until(
        lambda: cloud.holder(lab.floating_ips["web"]) == node.server_id,
        timeout_s=_PATIENCE_S,
        what="the address to go to the first node",
    )
    wait_until(
        lambda: _has_confirmed(node), timeout_s=_PATIENCE_S, what="the claim to be confirmed"
    )


def _has_confirmed(node: Node) -> bool:
    roles = node.hakeeper.status()["roles"]
    assert isinstance(roles, list)
    return all(address["confirmed"] for role in roles for address in role["addresses"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Switch over, print a row for each, and fail if a request was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.outage.switchover", description=__doc__)
    parser.add_argument("--repeat", type=int, default=10, help="rounds of each profile (10)")
    parser.add_argument("--profile", choices=sorted(VRRP), action="append", help="default: both")
    given = parser.parse_args(arguments)
    reason = unavailable()
    if reason is not None:
        sys.exit(reason)
    lost = 0
    print("| profile | requests | cut | lost | until MASTER, s | until claimed, s |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for profile in given.profile or sorted(VRRP):
        for _ in range(given.repeat):
            seen = switch_over(profile)
            lost += len(seen.lost)
            yield_s, claim_s = seen.phases_s
            cells = f"{seen.asked} | {seen.cut} | {len(seen.lost)} | {yield_s:.2f} | {claim_s:.2f}"
            print(f"| {profile} | {cells} |", flush=True)  # noqa: T201
            for why, times in Counter(seen.lost).items():
                sys.stderr.write(f"{profile}: lost {times} times: {why}\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
