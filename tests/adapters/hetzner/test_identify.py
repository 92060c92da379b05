"""Which server this machine is: said locally, confirmed by the simulated cloud."""

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from hakeeper.adapters.hetzner.cloud.identify import Sources
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.adapters.local_addresses import has_one_of
from hakeeper.core.calls import (
    Failure,
    FailureKind,
    Identified,
    Identify,
)
from hakeeper.core.model import Server
from hakeeper.core.observation import IpNetwork
from hakeeper.demo.cloud import Fault, SimCloud
from hakeeper.demo.cloud.project import default_ipv4
from tests.support.hetzner_bodies import server_json
from tests.support.http_server import RawServer, always, http
from tests.support.pool_bench import Bench, nobody_local
from tests.support.resources import CLOUD, LIST
from tests.support.waiting import eventually


@pytest.fixture
def cloud() -> Iterator[SimCloud]:
    with SimCloud() as made:
        made.add_server("web1", server_id=42)
        made.add_server("web2", server_id=43)
        yield made


def says(*entries: Candidate | Miss) -> Sources:
    """Make local sources that say this."""
    return lambda _limit_s: iter(entries)


def bench(
    cloud: SimCloud,
    server: str | int = "auto",
    identity: Sources = nobody_local,
    is_here: Callable[[Iterable[IpNetwork]], bool] = lambda _networks: True,
) -> Bench:
    """Make a bench whose token the cloud knows."""
    token = cloud.add_client("node")
    return Bench(cloud.url, token=lambda: token, server=server, identity=identity, is_here=is_here)


def test_a_configured_id_is_confirmed(cloud: SimCloud) -> None:
    with bench(cloud, 43, says(Candidate(42, "DMI"))) as made:
        outcome = made.call(Identify(CLOUD, 42)).outcome
    server = Server(id=43, name="web2", status="running", zone="eu-central")
    assert Identified(server, "configuration") == outcome


def test_a_configured_name_of_digits_is_a_name(cloud: SimCloud) -> None:
    cloud.add_server("42", server_id=77)
    with bench(cloud, "42") as made:
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert outcome.server.id == 77


def test_a_configured_name_is_looked_up(cloud: SimCloud) -> None:
    with bench(cloud, "web2") as made:
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert (outcome.server.id, outcome.source) == (43, "configuration")


@pytest.mark.parametrize(("setting", "shown"), [("web9", "'web9'"), (99, "99")])
def test_a_configured_server_that_is_not_there_says_what_to_do(
    cloud: SimCloud, setting: str | int, shown: str
) -> None:
    with bench(cloud, setting) as made:
        failure = made.failure(Identify(CLOUD, 42))
    assert (failure.kind, failure.code) == (FailureKind.NOT_FOUND, "not_found")
    assert shown in failure.message
    assert "another project" in failure.message
    assert "`server:`" in failure.message


def test_a_server_of_another_name_is_not_taken_for_ours() -> None:
    with (
        RawServer(always(http(200, {"servers": [server_json(name="web22")]}))) as server,
        Bench(server.url, server="web2") as made,
    ):
        assert made.failure(Identify(CLOUD)).kind is FailureKind.NOT_FOUND


def test_the_first_local_source_that_knows_is_believed(cloud: SimCloud) -> None:
    sources = says(Miss("credential", "none"), Candidate(43, "DMI"), Candidate(42, "metadata"))
    with bench(cloud, identity=sources) as made:
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert (outcome.server.id, outcome.source) == (43, "DMI")


def test_the_machine_is_believed_rather_than_the_id_of_an_earlier_run(cloud: SimCloud) -> None:
    """A server made from a snapshot starts with the state file of another."""
    with bench(cloud, identity=says(Candidate(43, "DMI"))) as made:
        outcome = made.call(Identify(CLOUD, 42)).outcome
    assert isinstance(outcome, Identified)
    assert (outcome.server.id, outcome.source) == (43, "DMI, not the 42 of an earlier run")


def test_the_id_of_an_earlier_run_serves_when_the_machine_says_nothing(cloud: SimCloud) -> None:
    with bench(cloud) as made:
        outcome = made.call(Identify(CLOUD, 42)).outcome
    assert isinstance(outcome, Identified)
    assert (outcome.server.id, outcome.source) == (42, "an earlier run")


def test_without_any_source_the_message_says_what_to_set_and_why(cloud: SimCloud) -> None:
    with bench(cloud, identity=says(Miss("DMI", "vendor is QEMU"))) as made:
        failure = made.failure(Identify(CLOUD))
    assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "no_identity")
    assert "`server:`" in failure.message
    assert "DMI: vendor is QEMU" in failure.message
    assert cloud.requests() == []


def test_an_api_error_while_confirming_is_that_error(cloud: SimCloud) -> None:
    cloud.fault(Fault(status=503))
    with bench(cloud, 42) as made:
        failure = made.failure(Identify(CLOUD))
    assert (failure.kind, failure.http_status) == (FailureKind.TRANSIENT, 503)


def test_local_sources_that_hang_end_with_the_call_and_nothing_is_asked_later(
    cloud: SimCloud,
) -> None:
    release = threading.Event()

    def hanging(_limit_s: float) -> Iterator[Candidate | Miss]:
        release.wait(30)
        yield Candidate(42, "at last")

    with bench(cloud, identity=hanging) as made:
        failure = made.failure(Identify(CLOUD), 0.3)
        release.set()
        eventually(lambda: not made.pool._busy, what="the worker to come back")
    assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "deadline")
    assert "which server" in failure.message
    assert isinstance(failure, Failure)
    assert cloud.requests() == []


# --- is it this machine? ----------------------------------------------------------------------


def only(*numbers: int) -> Callable[[Iterable[IpNetwork]], bool]:
    """Make a machine that has the usual address of these servers."""
    here = {default_ipv4(number) for number in numbers}
    return lambda networks: any(str(one.network_address) in here for one in networks)


@pytest.mark.parametrize("setting", [42, "web1"])
def test_a_configuration_of_the_other_node_is_seen(cloud: SimCloud, setting: str | int) -> None:
    with bench(cloud, setting, is_here=only(43)) as made:
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert (42, False) == (outcome.server.id, outcome.is_here)


def test_a_metadata_service_that_lies_is_seen(cloud: SimCloud) -> None:
    with bench(cloud, identity=says(Candidate(42, "metadata")), is_here=only(43)) as made:
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert (42, False) == (outcome.server.id, outcome.is_here)


def test_the_id_that_came_with_a_snapshot_is_seen(cloud: SimCloud) -> None:
    with bench(cloud, is_here=only(43)) as made:
        outcome = made.call(Identify(CLOUD, 42)).outcome
    assert isinstance(outcome, Identified)
    assert (42, False) == (outcome.server.id, outcome.is_here)


@pytest.mark.parametrize("wrong", [42, 99])
def test_the_next_source_is_asked_where_one_is_wrong(cloud: SimCloud, wrong: int) -> None:
    sources = says(Candidate(wrong, "DMI"), Candidate(wrong, "metadata"))
    with bench(cloud, identity=sources, is_here=only(43)) as made:
        outcome = made.call(Identify(CLOUD, 43)).outcome
    assert isinstance(outcome, Identified)
    assert (43, "an earlier run", True) == (outcome.server.id, outcome.source, outcome.is_here)
    assert 2 == len(cloud.requests())


def test_a_server_of_which_no_address_is_reported_may_be_this_machine() -> None:
    with (
        RawServer(always(http(200, {"server": server_json(42)}))) as server,
        Bench(server.url, server=42, is_here=only()) as made,
    ):
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert outcome.is_here


def test_a_server_that_surely_has_no_address_is_not_this_machine(cloud: SimCloud) -> None:
    cloud.add_server("bare", server_id=44, ipv4=None, ipv6=None)
    with bench(cloud, 44, is_here=has_one_of) as made:
        outcome = made.call(Identify(CLOUD)).outcome
    assert isinstance(outcome, Identified)
    assert not outcome.is_here


def test_a_kernel_that_cannot_be_asked_is_a_failure_of_this_call(cloud: SimCloud) -> None:
    def broken(_networks: Iterable[IpNetwork]) -> bool:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with bench(cloud, 42, is_here=broken) as made:
        failure = made.failure(Identify(CLOUD))
        assert (FailureKind.TRANSIENT, "no_identity") == (failure.kind, failure.code)
        assert not isinstance(made.call(LIST).outcome, Failure)
