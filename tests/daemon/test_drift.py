"""Somebody else moves the address: we take it back as MASTER, never as BACKUP, and not for ever."""

import time

from hakeeper.demo.lab.daemon import LogEntry
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.waiting import eventually

LOOKS = 2
"""One sees it away, and one makes sure; how far they are apart, tests/core says."""
STEADY_GAP_S = 9.0
"""Reads this far apart show the steady interval of 10 s."""
QUIET_S = 25.0
"""How long the peace after a contest is watched here; tests/core has the ten minutes."""
MOST_MOVES = 6
EAGER = {"interval": "1s", "standby_interval": "1s"}


def looks_until_taken_back(cluster: Cluster, node: DaemonNode) -> int:
    """How often the node read the holders while the address was away."""
    away, back = cluster.cloud.moves(cluster.web)[-2:]
    assert back.new == node.server
    reads = cluster.cloud.requests(client=node.name, method="GET", path="/floating_ips")
    return len([read for read in reads if away.at_s <= read.received_s <= back.at_s])


def test_an_address_taken_by_hand_is_taken_back(cluster: Cluster) -> None:
    node = cluster.master()
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)
    assert looks_until_taken_back(cluster, node) == LOOKS
    node.wait_log("address.claimed", reason="drift")
    assert len(node.logged("address.drifted")) == 1


def test_an_address_taken_long_after_the_claim_is_taken_back(cluster: Cluster) -> None:
    node = cluster.master()

    def reads_are_steady() -> bool:
        found = cluster.cloud.requests(client=node.name, method="GET", path="/floating_ips")
        return found[-1].received_s - found[-2].received_s >= STEADY_GAP_S

    cluster.cloud.wait_for(reads_are_steady, 60)
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)
    assert looks_until_taken_back(cluster, node) == LOOKS
    assert len(node.logged("address.drifted")) == 1


def test_an_unassigned_address_is_taken_back(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    cluster.cloud.move(cluster.web, None)
    cluster.wait_holder(node)
    node.wait_log("address.drifted", holder="nobody")


def test_a_backup_does_nothing_but_read(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.backup()
    seq = cluster.seq()
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_reads(node)
    cluster.cloud.move(cluster.web, None)
    cluster.wait_reads(node)
    after = cluster.cloud.requests(client=node.name, after_seq=seq)
    assert {request.method for request in after} == {"GET"}
    assert node.logged("address.drifted") == []


def test_a_former_master_leaves_the_address_to_the_new_one(cluster: Cluster) -> None:
    old = cluster.master("node-a", **EAGER)
    new = cluster.running("node-b", **EAGER)
    old.backup()
    new.master()
    cluster.wait_holder(new)
    new.wait_log("address.claimed")
    cluster.wait_reads(old, 3)
    assert [move.new for move in cluster.cloud.moves(cluster.web)] == [old.server, new.server]


def test_a_new_master_takes_the_address_from_a_dead_one(cluster: Cluster) -> None:
    old = cluster.master("node-a")
    new = cluster.running("node-b")
    old.daemon.kill()
    old.keepalived.kill()
    new.master()
    cluster.wait_holder(new)
    assert cluster.assigns() == 2


def test_a_split_brain_soon_comes_to_rest_and_heals(cluster: Cluster) -> None:
    nodes = [cluster.running(name, **EAGER) for name in ("node-a", "node-b")]
    for node in nodes:
        node.master()
    contested = eventually(lambda: critical(nodes), 60, "a contest")
    quiet_until_s = time.monotonic() + QUIET_S
    eventually(lambda: time.monotonic() >= quiet_until_s, 2 * QUIET_S)  # the peace is the subject
    moves = cluster.cloud.moves(cluster.web)
    assert len(moves) <= MOST_MOVES
    assert moves[-1].at_s < quiet_until_s - QUIET_S / 2
    assert {entry["event"] for entry in contested} == {"address.held_down"}
    assert len(critical(nodes)) <= len(nodes)  # told once, not again and again
    holder = next(node for node in nodes if node.server == cluster.cloud.holder(cluster.web))
    winner = next(node for node in nodes if node is not holder)
    holder.backup()
    winner.role("MASTER_RX_LOWER_PRI")
    cluster.wait_holder(winner)
    cluster.wait_reads(holder, 3)
    assert cluster.cloud.holder(cluster.web) == winner.server
    assert len(cluster.cloud.moves(cluster.web)) == len(moves) + 1


def critical(nodes: list[DaemonNode]) -> list[LogEntry]:
    return [e for node in nodes for e in node.daemon.entries() if e.get("level") == "critical"]
