"""The real process with a label selector: what comes and goes at the simulated Hetzner Cloud."""

from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode

EAGER = {"interval": "1s", "standby_interval": "1s"}
LABELLED = {"role": "web"}


def chosen_by_label(cluster: Cluster) -> DaemonNode:
    """Make a master of all that have the label, which is `web`."""
    cluster.cloud.set_labels(cluster.web, LABELLED)
    node = cluster.node(**EAGER)
    node.config["instances"]["VI_1"]["floating_ips"] = [{"label": "role=web"}]
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed", address="203.0.113.10")
    return node


def test_what_gets_the_label_is_claimed_and_what_loses_it_is_left(cluster: Cluster) -> None:
    mail = cluster.cloud.add_floating_ip("mail", "203.0.113.11", server=cluster.elsewhere)
    node = chosen_by_label(cluster)
    assert cluster.elsewhere == cluster.cloud.holder(mail)

    cluster.cloud.set_labels(mail, LABELLED)
    cluster.wait_holder(node, mail)
    node.wait_log("address.selected", address="203.0.113.11", selector="role=web", resource_id=mail)
    node.wait_log("address.claimed", address="203.0.113.11", reason="chosen by its labels")

    cluster.cloud.set_labels(mail, {})
    node.wait_log("address.deselected", address="203.0.113.11", reason="its labels have changed")
    assert node.server == cluster.cloud.holder(mail)
    cluster.cloud.move(mail, cluster.elsewhere)
    cluster.wait_reads(node)
    assert cluster.elsewhere == cluster.cloud.holder(mail)
    assert [] == node.logged("address.drifted")


def test_a_reload_from_a_name_to_a_label_moves_nothing(cluster: Cluster) -> None:
    cluster.cloud.set_labels(cluster.web, LABELLED)
    node = cluster.master(**EAGER)
    assigns = cluster.assigns(node)
    node.config["instances"]["VI_1"]["floating_ips"] = [{"label": "role=web"}]
    node.reload()
    node.wait_log("address.selected", address="203.0.113.10")
    node.wait_log("address.confirmed", reason="chosen by its labels")
    assert assigns == cluster.assigns(node)
