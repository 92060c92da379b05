"""A planned switchover loses no request, there and back; see `tests/outage/switchover.py`."""

from tests.outage.switchover import switch_over


def test_no_request_is_lost() -> None:
    seen = switch_over("fast")
    assert () == seen.lost
    assert seen.asked > 300
    assert seen.cut <= 10, "those that were under way when the address moved, twice"


def test_without_the_address_on_both_servers_some_are() -> None:
    """The master's keepalived takes the address off before it is routed away, and this shows it."""
    assert switch_over("fast", on_lo=False).lost
