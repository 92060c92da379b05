"""A pair of NAT gateways: what a server behind them sends goes through whoever has the alias IP.

One pair for all tests of this file, of both releases: each begins with the alias IP at web-a, and
ends so. What a failover cost is printed: `-rP` shows it.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.cloud import Answer, Fault, Network
from tests.e2e.alias_ips import SECOND, about, wait_for_hits
from tests.e2e.conftest import PAIR, Installed
from tests.e2e.gateways import FOREIGN, Gateways
from tests.e2e.kept import Kept
from tests.e2e.machine import Machine
from tests.e2e.pair import Site
from tests.nat_gateway.private_network import ALIAS
from tests.nat_gateway.traffic import Outage

pytestmark = pytest.mark.mixed


@pytest.fixture(scope="module")
def kept(
    installed: Installed, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept[Gateways]]:
    """The gateways of this file."""

    def boot() -> Gateways:
        return Gateways(site, tmp_path_factory.mktemp("gateways"), installed.layers)

    kept = Kept(boot)
    yield kept
    kept.close()


@pytest.fixture
def gateways(request: pytest.FixtureRequest, kept: Kept[Gateways]) -> Iterator[Gateways]:
    """The gateways, with the alias IP at web-a."""
    with kept.lent(request) as gateways:
        request.node.stash[PAIR] = gateways.pair
        gateways.pair.begin()
        yield gateways


def settle(gateways: Gateways, master: Machine) -> None:
    """Wait until the master has the alias IP by writes of its own, and packets leave through it."""
    gateways.pair.settle(master)
    assert gateways.seen() == {master.public_ip}


def give_back(gateways: Gateways) -> None:
    """Start web-a's keepalived again: by its own writes alone all is as it was."""
    pair = gateways.pair
    pair.begin()
    pair.a.systemctl("start", "keepalived")
    settle(gateways, pair.a)
    assert pair.writers() == {"web-a"}


def show(outage: Outage, back_s: float | None = None) -> None:
    """Print what a failover cost; `back_s`: when the API was back, by `time.monotonic()`."""
    after = "" if back_s is None else f", {outage.resumed_s - back_s:+.2f} s after the API was back"
    print(f"no packet for {outage.outage_s:.2f} s, {outage.lost} lost{after}")  # noqa: T201


def test_the_first_claim_opens_the_way_out(gateways: Gateways) -> None:
    pair = gateways.pair
    settle(gateways, pair.a)

    first = pair.cloud.alias_writes()[0]
    assert (first.client, first.server) == ("web-a", pair.servers["web-a"])
    assert first.alias_ips == (FOREIGN["web-a"], ALIAS)
    pair.a.wait_for_event("address.claimed", where=about(ALIAS))
    for one in pair.machines:
        one.run("hakeeper", "status")
        one.run("hakeeper", "check", "--online")


def test_packets_go_where_the_cloud_says(gateways: Gateways) -> None:
    """And not where keepalived says: else all that follows would show nothing."""
    pair = gateways.pair
    a, b = (pair.servers[one.name] for one in pair.machines)
    pair.a.systemctl("stop", "hakeeper")
    sender = gateways.sending()
    sender.wait_steady(pair.a.public_ip)

    pair.cloud.set_alias_ips(a, pair.network, [FOREIGN["web-a"]])
    pair.cloud.set_alias_ips(b, pair.network, [FOREIGN["web-b"], ALIAS])
    sender.wait_steady(pair.b.public_ip)
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}

    pair.a.systemctl("start", "hakeeper")
    settle(gateways, pair.a)


def test_power_cut_of_the_master(gateways: Gateways) -> None:
    pair = gateways.pair
    sender = gateways.sending()
    sender.wait_steady(pair.a.public_ip)

    failed_s = time.monotonic()
    pair.cut_power(pair.a)
    sender.wait_steady(pair.b.public_ip)
    sender.wait_ended()
    seen = sender.outage(failed_s)
    show(seen)
    assert seen.sources == (pair.a.public_ip, pair.b.public_ip)
    assert seen.connection == (pair.a.public_ip, "ConnectionResetError")
    assert seen.lost > 0, "nobody passes on what a machine without power gets"
    settle(gateways, pair.b)
    assert pair.writers() == {"web-b"}

    pair.begin()
    pair.switch_on(pair.a)
    settle(gateways, pair.a)
    assert pair.writers() == {"web-a"}


def test_private_network_of_the_master_cut_and_healed(gateways: Gateways) -> None:
    pair = gateways.pair
    mark, mark_s = time.time(), time.monotonic()

    with pair.private_cut(pair.a):
        pair.wait_for_master(pair.b)
        pair.b.wait_for_event("address.claimed", mark, where=about(ALIAS))
        pair.a.wait_for_event("address.drifted", mark, where=about(ALIAS))
        assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.MASTER}, "a split brain"
    settle(gateways, pair.a)

    assert len(gateways.aliases.takings(mark_s)) <= 7, "the fight is bounded"


API_AWAY = Fault(network=Network.REFUSE)
BETWEEN_THE_STEPS = {
    "refused": replace(SECOND, status=503),
    "answer lost": replace(SECOND, answer=Answer.RESET, commit=True, count=1),
}


@pytest.mark.parametrize("trouble", BETWEEN_THE_STEPS)
def test_the_api_fails_between_the_steps_of_the_move(gateways: Gateways, trouble: str) -> None:
    pair = gateways.pair
    sender = gateways.sending()
    sender.wait_steady(pair.a.public_ip)
    mark, failed_s = time.time(), time.monotonic()

    with contextlib.ExitStack() as away:
        with pair.cloud.faulty(BETWEEN_THE_STEPS[trouble]) as second:
            pair.a.systemctl("stop", "keepalived")
            wait_for_hits(pair.cloud, second)
            away.enter_context(pair.cloud.faulty(API_AWAY))
        pair.b.wait_for_event("api.failed", mark)
        if trouble == "refused":
            assert others_alone(gateways), "released, and not assigned"
    back_s = time.monotonic()
    sender.wait_steady(pair.b.public_ip)
    seen = sender.outage(failed_s)
    show(seen, back_s)
    assert seen.sources == (pair.a.public_ip, pair.b.public_ip)
    assert seen.lost > 0, "nobody had the alias IP for a while"
    settle(gateways, pair.b)
    assert pair.writers() == {"web-b"}

    give_back(gateways)


def others_alone(gateways: Gateways) -> bool:
    """Whether nobody has the alias IP, and everybody the foreign one that was there before."""
    pair = gateways.pair
    foreign = {ip: pair.servers[name] for name, ip in FOREIGN.items()}
    return pair.cloud.aliases(pair.network) == foreign
