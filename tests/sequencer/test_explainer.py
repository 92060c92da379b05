"""What keeps a rehearsal from harming the daemon: how often, how much, and what if it breaks."""

from collections.abc import Mapping
from typing import Any

import pytest

from hakeeper import explainer as explainer_module
from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.control_server import BUSY
from hakeeper.core.state import InvariantError
from hakeeper.explainer import MOST_ADDRESSES, Explainer
from tests.core.driver import one_node, settings


def made(**instances: int) -> Explainer:
    names = {
        name: tuple(f"{name}-{number}" for number in range(count))
        for name, count in instances.items()
    }
    _, node = one_node(config=settings(names))
    node.warm()
    return Explainer(node.core)


def asked(explainer: Explainer, **request: object) -> Mapping[str, Any]:
    explainer._next_s = 0.0
    return explainer.explain({"command": "explain", **request}, 0)


def test_there_is_one_a_second_for_all_clients_together() -> None:
    explainer = made(VI_1=1)
    assert "instances" in asked(explainer)
    assert BUSY == explainer.explain({"command": "explain"}, 0)


def test_of_many_addresses_one_instance_must_be_named() -> None:
    explainer = made(VI_1=MOST_ADDRESSES, VI_2=1)
    with pytest.raises(BadRequest, match="more than 16 addresses: name one of VI_1, VI_2"):
        asked(explainer)
    [told] = asked(explainer, instance="VI_2")["instances"]
    assert ("VI_2", 0) == (told["name"], told["left_out"])


def test_of_one_with_too_many_the_rest_is_left_out() -> None:
    [told] = asked(made(VI_1=MOST_ADDRESSES + 5))["instances"]
    assert (MOST_ADDRESSES, 5) == (len(told["addresses"]), told["left_out"])


@pytest.mark.parametrize("wanted", ["VI_9", "", 7, ["VI_1"], "x" * 100])
def test_another_name_is_refused_with_those_that_there_are(wanted: object) -> None:
    with pytest.raises(BadRequest, match=r"there is no instance .{2,42}; there is VI_1$"):
        asked(made(VI_1=1), instance=wanted)


def test_a_rehearsal_that_breaks_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InvariantError("assign while not MASTER")

    monkeypatch.setattr(explainer_module, "rehearse", broken)
    assert asked(made(VI_1=1)) == {
        "error": "the rehearsal of VI_1 failed, please report it: assign while not MASTER"
    }
