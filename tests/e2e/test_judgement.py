"""The judgement that ends every scenario can fail: somebody sends what hakeeper must not send."""

import json

import pytest

from hakeeper.demo.lab import LabError
from tests.e2e.machine import Machine
from tests.e2e.pair import API_HOST, Pair, token_of


def _assign(pair: Pair, sender: Machine, server: int) -> None:
    """Send an assign by hand, with the machine's own token."""
    sender.run(
        *("curl", "--silent", "--show-error", "--fail", "--output", "/dev/null"),
        *("--header", f"Authorization: Bearer {token_of(sender.name)}"),
        *("--header", "Content-Type: application/json", "--data", json.dumps({"server": server})),
        f"https://{API_HOST}/v1/floating_ips/{pair.floating_ip}/actions/assign",
    )


def test_an_assign_by_a_node_that_is_not_master_is_found(pair: Pair) -> None:
    _assign(pair, pair.b, pair.servers["web-b"])

    with pytest.raises(LabError, match=r"web-b sent .* while not MASTER"):
        pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"], "and the master has put it right"


def test_an_assign_to_another_server_is_found(pair: Pair) -> None:
    _assign(pair, pair.a, pair.servers["web-b"])

    with pytest.raises(LabError, match=r"web-a sent .* which is not its own server"):
        pair.settle(pair.a)
