"""Nothing is assigned to a server that is not this machine, whoever says that it is."""

from collections.abc import Callable

import pytest

from hakeeper.adapters.statefile import StateFile
from hakeeper.core.model import SavedState
from tests.daemon.world import Node, World, fields_of

EAGER = {"interval": "1s", "standby_interval": "1s"}
NOBODY = "http://127.0.0.1:9"
"""Where no metadata service answers."""


def remember(node: Node, server: int) -> None:
    """Leave the state file of an earlier run."""
    saved = SavedState(keepalived=None, roles={}, server_id=server)
    StateFile(node.daemon.state_folder / "state.json").save(saved)


def copied_configuration(world: World) -> Node:
    node = world.node(**EAGER)
    node.config["server"] = "elsewhere"
    return node


def cloned_machine(world: World) -> Node:
    """Made from a snapshot of `elsewhere`: that one's state file came along."""
    node = world.node(**EAGER, environment={"HAKEEPER_METADATA_URL": NOBODY})
    node.config["server"] = "auto"
    remember(node, world.elsewhere)
    return node


def lying_metadata(world: World) -> Node:
    url = world.cloud.metadata_url(world.elsewhere)
    node = world.node(**EAGER, environment={"HAKEEPER_METADATA_URL": url})
    node.config["server"] = "auto"
    return node


@pytest.mark.parametrize("make", [copied_configuration, cloned_machine, lying_metadata])
def test_another_server_is_never_assigned_to(world: World, make: Callable[[World], Node]) -> None:
    node = make(world)
    world.cloud.move(world.web, None)
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    node.master()
    entry = node.wait_log("server.unidentified")
    world.wait_reads(node)

    assert "is not this machine" in str(entry["message"])
    assert "not_this_machine" == fields_of(entry)["error_code"]
    assert 0 == world.assigns()
    assert world.cloud.holder(world.web) is None


def test_an_id_of_an_earlier_run_that_is_right_outdoes_a_lying_metadata_service(
    world: World,
) -> None:
    node = lying_metadata(world)
    remember(node, node.server)
    node.start()
    node.master()
    world.wait_holder(node)
    assert "an earlier run" == fields_of(node.wait_log("server.identified"))["reason"]
