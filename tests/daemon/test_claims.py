"""Keepalived says MASTER and the address is ours: the ways to name it, and how many there are."""

import itertools
import os
from pathlib import Path

import pytest
import trustme

from tests.support.cluster import Cluster
from tests.support.daemon_node import fields_of


def test_a_master_line_makes_the_address_ours(cluster: Cluster) -> None:
    node = cluster.running()
    node.master()
    cluster.wait_holder(node)
    claimed = node.wait_log("address.claimed")
    assert "203.0.113.10" == fields_of(claimed)["address"]
    assert 1 == cluster.assigns()
    phases = [fields_of(claimed)[f"{word}_ms"] for word in ("sent", "accepted", "finished")]
    assert sorted(map(str, phases), key=float) == list(map(str, phases))


def test_a_claim_goes_over_the_connection_that_the_reads_kept_warm(cluster: Cluster) -> None:
    node = cluster.running()
    used = {request.connection for request in cluster.cloud.requests(client=node.name)}
    node.master()
    node.wait_log("address.claimed")
    assert {assign.connection for assign in cluster.cloud.assigns()} <= used


def test_a_claim_waits_for_no_disk(cluster: Cluster) -> None:
    node = cluster.running()
    node.backup()
    stuck = node.daemon.state_folder / "state.json.new"
    os.mkfifo(stuck)  # who opens it to write hangs, as with a disk that does not answer
    node.master()
    cluster.wait_holder(node)
    assert 1 == cluster.assigns()
    assert [] == node.logged("role.changed", role="MASTER")
    with stuck.open("rb") as disk:
        disk.read()
    node.wait_log("address.claimed")


def test_a_connection_is_opened_ahead_of_time_and_replaced_when_it_ends(
    cluster: Cluster,
) -> None:
    def open_connections() -> int:
        return cluster.cloud.counters().open_connections

    node = cluster.running(interval="10m", standby_interval="10m")
    cluster.cloud.wait_for(lambda: open_connections() == 2)
    seq = cluster.seq()
    cluster.drop_connections()
    cluster.cloud.wait_for(lambda: open_connections() == 2)
    assert seq == cluster.seq()
    node.backup()


def test_an_address_that_is_ours_already_is_not_assigned(cluster: Cluster) -> None:
    node = cluster.node()
    cluster.cloud.move(cluster.web, node.server)
    node.start()
    node.master()
    node.wait_log("address.confirmed")
    assert 0 == cluster.assigns()


@pytest.mark.parametrize("named", ["name", "id", "address", "address inside the /64", "network"])
def test_a_floating_ip_is_found_by_what_the_operator_calls_it(cluster: Cluster, named: str) -> None:
    six = cluster.cloud.add_floating_ip("six", "2001:db8:1:2::/64", server=cluster.elsewhere)
    refs = {
        "name": ["web", "six"],
        "id": [cluster.web, six],
        "address": ["203.0.113.10", "2001:db8:1:2::1"],
        "address inside the /64": ["web", "2001:0db8:0001:0002:ffff::beef"],
        "network": ["203.0.113.10/32", "2001:db8:1:2::/64"],
    }
    node = cluster.node()
    node.config["instances"]["VI_1"]["floating_ips"] = refs[named]
    node.start()
    node.master()
    cluster.wait_holder(node)
    cluster.wait_holder(node, six)
    assert 2 == cluster.assigns()


def test_each_instance_and_group_claims_its_own_addresses(cluster: Cluster) -> None:
    numbers = itertools.count(20)
    made = {
        name: cluster.cloud.add_floating_ip(name, f"203.0.113.{next(numbers)}", server=None)
        for name in ("one", "two", "three", "four", "five")
    }
    node = cluster.node(interval="1s", standby_interval="1s")
    node.config["instances"] = {
        "VI_1": {"floating_ips": ["one", "two"]},
        "VI_2": {"floating_ips": ["three"]},
    }
    node.config["groups"] = {"VG_1": {"floating_ips": ["four"]}, "VI_2": {"floating_ips": ["five"]}}
    node.start()
    node.say('INSTANCE "VI_1" MASTER 100', 'INSTANCE "VI_2" BACKUP 90', 'GROUP "VG_1" MASTER 0')
    for name in ("one", "two", "four"):
        cluster.wait_holder(node, made[name])
    cluster.wait_reads(node)
    holders = {name: cluster.cloud.holder(floating_ip) for name, floating_ip in made.items()}
    mine = node.server
    assert {"one": mine, "two": mine, "three": None, "four": mine, "five": None} == holders
    node.role("MASTER", "VI_2", "GROUP")
    cluster.wait_holder(node, made["five"])
    node.master("VI_2")
    cluster.wait_holder(node, made["three"])


def test_many_addresses_are_claimed_by_one_line(cluster: Cluster) -> None:
    made = [
        cluster.cloud.add_floating_ip(
            f"ip{number}", f"198.51.100.{number}", server=cluster.elsewhere
        )
        for number in range(1, 41)
    ]
    node = cluster.node()
    node.config["instances"]["VI_1"]["floating_ips"] = made
    node.start()
    node.master()
    for floating_ip in made:
        cluster.wait_holder(node, floating_ip)
    assert 40 == cluster.assigns()


def test_only_the_last_of_many_waiting_lines_counts(cluster: Cluster) -> None:
    node = cluster.running(interval="1s", standby_interval="1s")
    node.say(*['INSTANCE "VI_1" MASTER 100', 'INSTANCE "VI_1" BACKUP 90'] * 200)
    node.wait_log("role.changed", role="BACKUP")
    cluster.wait_reads(node)
    assert 0 == cluster.assigns()


def test_an_operator_without_keepalived_sees_his_echo_work(cluster: Cluster) -> None:
    node = cluster.node()
    node.start(keepalived=False)
    node.master()
    cluster.wait_holder(node)
    assert 1 == len(node.logged("role.unverified"))


def test_dead_keepalived_makes_the_role_unknown_and_ends_the_claiming(cluster: Cluster) -> None:
    node = cluster.master(interval="1s", standby_interval="1s")
    node.keepalived.kill()
    node.wait_log("role.changed", role="UNKNOWN")
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_reads(node, 3)
    assert 1 == cluster.assigns()


def test_https_is_spoken_with_the_configured_authority(
    tls_cluster: Cluster, authority: trustme.CA, folder: Path
) -> None:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    node = tls_cluster.node()
    node.config["hetzner"]["ca_file"] = str(folder / "ca.pem")
    node.start()
    node.master()
    tls_cluster.wait_holder(node)


def test_a_ca_file_that_was_replaced_is_trusted_from_the_reload_on(
    tls_cluster: Cluster, authority: trustme.CA, folder: Path
) -> None:
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    node = tls_cluster.node(interval="1s")
    node.config["hetzner"]["ca_file"] = str(ca_file)
    node.start()
    node.backup()
    successor = trustme.CA()
    issued = successor.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(folder / "new.pem"))
    issued.private_key_pem.write_to_path(str(folder / "new.key"))
    tls_cluster.cloud.use_certificate(str(folder / "new.pem"), str(folder / "new.key"))
    successor.cert_pem.write_to_path(str(ca_file))
    tls_cluster.drop_connections()
    node.reload()
    node.master()
    tls_cluster.wait_holder(node)


def test_a_certificate_of_an_unknown_authority_is_not_spoken_to(tls_cluster: Cluster) -> None:
    node = tls_cluster.node()
    node.daemon.start()
    node.wait_log("api.failed")
    node.master()
    node.wait_log("role.changed", role="MASTER")
    assert [] == tls_cluster.cloud.requests()
