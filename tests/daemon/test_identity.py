"""Nothing is assigned to a server that is not this machine, whoever says that it is."""

from collections.abc import Callable

import pytest

from hakeeper.adapters.statefile import StateFile
from hakeeper.core.model import SavedState
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, fields_of
from tests.support.resources import CLOUD

EAGER = {"interval": "1s", "standby_interval": "1s"}
NOBODY = "http://127.0.0.1:9"
"""Where no metadata service answers."""


def remember(node: DaemonNode, server: int) -> None:
    """Leave the state file of an earlier run."""
    saved = SavedState(keepalived=None, roles={}, servers={CLOUD: server})
    StateFile(node.daemon.state_folder / "state.json").save(saved)


def copied_configuration(cluster: Cluster) -> DaemonNode:
    node = cluster.node(**EAGER)
    node.config["server"] = "elsewhere"
    return node


def cloned_machine(cluster: Cluster) -> DaemonNode:
    """Made from a snapshot of `elsewhere`: that one's state file came along."""
    node = cluster.node(**EAGER, environment={"HAKEEPER_METADATA_URL": NOBODY})
    node.config["server"] = "auto"
    remember(node, cluster.elsewhere)
    return node


def lying_metadata(cluster: Cluster) -> DaemonNode:
    url = cluster.cloud.metadata_url(cluster.elsewhere)
    node = cluster.node(**EAGER, environment={"HAKEEPER_METADATA_URL": url})
    node.config["server"] = "auto"
    return node


@pytest.mark.parametrize("make", [copied_configuration, cloned_machine, lying_metadata])
def test_another_server_is_never_assigned_to(
    cluster: Cluster, make: Callable[[Cluster], DaemonNode]
) -> None:
    node = make(cluster)
    cluster.cloud.move(cluster.web, None)
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    node.master()
    entry = node.wait_log("server.unidentified")
    cluster.wait_reads(node)

    assert "is not this machine" in str(entry["message"])
    assert "not_this_machine" == fields_of(entry)["error_code"]
    assert 0 == cluster.assigns()
    assert cluster.cloud.holder(cluster.web) is None


def test_an_id_of_an_earlier_run_that_is_right_outdoes_a_lying_metadata_service(
    cluster: Cluster,
) -> None:
    node = lying_metadata(cluster)
    remember(node, node.server)
    node.start()
    node.master()
    cluster.wait_holder(node)
    assert "an earlier run" == fields_of(node.wait_log("server.identified"))["reason"]
