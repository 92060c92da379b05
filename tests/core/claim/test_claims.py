"""The life of a claim, from the MASTER line to the holder read back as ours."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import ReadAll, Request
from hakeeper.core.events import StartCall
from hakeeper.core.keepalived.role_changes import RECENT_READS
from hakeeper.core.observation import Other, Us
from tests.core.driver import WEB, one_node, settings
from tests.support.resources import assign, read


def test_the_last_read_of_a_standby_is_recent_however_seldom_its_list_may_be_read() -> None:
    world, node = one_node(holder=1, config=replace(settings(), standby_interval_s=1.0))
    node.warm()
    world.run_for(30.0)
    reads = [asked.at_s for asked in node.asked(ReadAll)]
    gap_s = reads[-1] - reads[-2]
    assert gap_s > RECENT_READS * 1.0
    world.run_for(reads[-1] + gap_s - 0.01 - world.now)
    assert len(reads) == len(node.asked(ReadAll))
    node.line("VI_1", "MASTER")
    world.run_for(5.0)
    assert [] == node.assigns
    assert len(node.reports("address.confirmed")) == 1


def test_an_address_that_is_held_is_read_for_ever_and_closely_at_first() -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(1.0)
    begun_s = world.now
    world.run_for(19.0)
    closely = len(node.asked(ReadAll, since_s=begun_s))
    world.run_for(1000.0)
    begun_s = world.now
    world.run_for(1000.0)
    assert 9 <= closely <= 10
    assert 99 <= len(node.asked(ReadAll, since_s=begun_s)) <= 101


@pytest.mark.parametrize(
    ("age_s", "holder", "requests"),
    [
        (90.0, Us(), [read(WEB)]),
        (90.1, Us(), [assign(WEB, 1)]),
        (0.0, Other(2), [assign(WEB, 1)]),
        (None, Us(), [assign(WEB, 1)]),
    ],
)
def test_that_it_is_ours_is_believed_for_one_and_a_half_readings_of_a_standby(
    age_s: float | None, holder: Us | Other, requests: list[Request]
) -> None:
    world, node = one_node()
    node.warm()
    [address] = node.core.state.resources.values()
    address.holder = holder
    address.holder_at_s = None if age_s is None else world.now - age_s
    started = [e.request for e in node.line("VI_1", "MASTER") if isinstance(e, StartCall)]
    assert requests == started
