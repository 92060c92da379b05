"""Alias IPs: taken from their holder and put into our list, and nothing else touched."""

from dataclasses import replace

import pytest

from hakeeper.demo.cloud import Answer, Fault, LoggedRequest
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode, fields_of

A, B = "10.0.0.100", "10.0.0.101"
LIST = "/change_alias_ips$"


class Scene:
    """A network in which `elsewhere` has both alias IPs, and everybody one of somebody else."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.cloud = cluster, cluster.cloud
        self.network = self.cloud.add_network("internal", "10.0.0.0/16")
        cluster.alias_ips = (A, B)
        self._attached = 0
        self.attach(cluster.elsewhere, A, B)

    def attach(self, server: int, *alias_ips: str) -> None:
        """Attach a server with these alias IPs, and with a foreign one."""
        self._attached += 1
        foreign = f"10.0.0.{200 + self._attached}"
        ip = f"10.0.0.{1 + self._attached}"
        self.cloud.attach(server, self.network, ip, alias_ips=[foreign, *alias_ips])

    def node(self, name: str = "node-a", *alias_ips: object, attached: bool = True) -> DaemonNode:
        """Make a node that has the alias IPs only; nothing of it runs yet."""
        node = self.cluster.node(name)
        node.config["instances"] = {"VI_1": {"alias_ips": list(alias_ips or (A, B))}}
        if attached:
            self.attach(node.server)
        return node

    def running(self, name: str = "node-a") -> DaemonNode:
        node = self.node(name)
        node.start()
        return node

    def wait_with(self, server: int | None, *ips: str) -> None:
        """Wait until a server, or nobody, has them."""

        def there() -> bool:
            aliases = self.cloud.aliases(self.network)
            return all(aliases.get(ip) == server for ip in ips or (A, B))

        self.cloud.wait_for(there, PATIENCE_S)

    def writes(self, node: DaemonNode) -> list[LoggedRequest]:
        return self.cloud.alias_writes(client=node.name)


@pytest.fixture
def scene(cluster: Cluster) -> Scene:
    return Scene(cluster)


def test_both_move_with_one_write_for_each_server_and_others_stay(scene: Scene) -> None:
    node = scene.running()
    node.master()
    scene.wait_with(node.server)
    for ip in (A, B):
        node.wait_log("address.claimed", address=ip)
    lists = [(write.server, write.alias_ips) for write in scene.writes(node)]
    assert [
        (scene.cluster.elsewhere, ("10.0.0.201",)),
        (node.server, ("10.0.0.202", A, B)),
    ] == lists
    aliases = scene.cloud.aliases(scene.network)
    assert (scene.cluster.elsewhere, node.server) == (aliases["10.0.0.201"], aliases["10.0.0.202"])


def test_what_nobody_has_is_taken_with_one_write(scene: Scene) -> None:
    scene.cloud.set_alias_ips(scene.cluster.elsewhere, scene.network, [])
    node = scene.running()
    node.master()
    scene.wait_with(node.server)
    node.wait_log("address.claimed")
    assert 1 == len(scene.writes(node))


def test_a_backup_changes_nothing(scene: Scene) -> None:
    node = scene.running()
    node.backup()
    scene.cloud.set_alias_ips(scene.cluster.elsewhere, scene.network, [])
    node.wait_log("address.resolved")
    assert [] == scene.writes(node)


def test_one_list_is_read_before_each_write_and_it_is_that_of_the_network(scene: Scene) -> None:
    node = scene.running()
    node.master()
    scene.wait_with(node.server)
    node.wait_log("address.claimed")
    members = f"/v1/networks/{scene.network}/members"
    # Who we are is asked for beside it.
    lists = [
        each
        for each in scene.cloud.requests(client=node.name, method="GET")
        if each.path.startswith("/v1/networks") or each.path == "/v1/servers"
    ]
    assert scene.writes(node) != []
    for write in scene.writes(node):
        before = [each for each in lists if each.seq < write.seq]
        assert members == before[-1].path


def test_an_older_api_without_members_is_read_by_its_servers(scene: Scene) -> None:
    scene.cloud.set_rules(members=False)
    node = scene.running()
    node.master()
    scene.wait_with(node.server)
    node.wait_log("address.claimed")
    paths = {request.path for request in scene.cloud.requests(client=node.name, method="GET")}
    assert {"/v1/networks", "/v1/servers"} <= paths


def test_of_several_networks_with_the_address_the_named_one_is_meant(scene: Scene) -> None:
    other = scene.cloud.add_network("other", "10.0.0.0/16")
    node = scene.node("node-a", {"ip": A, "network": "other"}, attached=False)
    scene.cloud.attach(node.server, other, "10.0.0.9")
    node.start()
    node.master()
    node.wait_log("address.claimed")
    assert {A: node.server} == scene.cloud.aliases(other)
    assert scene.cluster.elsewhere == scene.cloud.aliases(scene.network)[A]


def test_an_ambiguous_one_is_told_with_the_way_out(scene: Scene) -> None:
    scene.cloud.add_network("other", "10.0.0.0/16")
    node = scene.node()
    node.write_config()
    node.keepalived.start()
    node.daemon.start()
    said = node.wait_log("address.unresolved", address=A)
    assert f"say which one is meant, such as {{ip: {A}, network: " in str(said["message"])


# --- what is in the way -------------------------------------------------------------------------


def test_nothing_is_taken_from_its_holder_while_there_is_no_room(scene: Scene) -> None:
    node = scene.node()
    full = [f"10.0.1.{number}" for number in range(5)]
    scene.cloud.set_alias_ips(node.server, scene.network, full)
    node.start()
    node.master()
    said = node.wait_log("claim.refused", address=A)
    assert "no_room" == fields_of(said)["error_code"]
    assert "remove one that is not needed" in str(said["message"])
    assert [] == scene.writes(node)
    scene.cloud.set_alias_ips(node.server, scene.network, full[:3])
    scene.wait_with(node.server)
    assert set(full[:3]) <= set(scene.cloud.aliases(scene.network))


def test_nothing_is_taken_from_its_holder_while_we_are_not_attached(scene: Scene) -> None:
    node = scene.node(attached=False)
    node.start()
    node.master()
    said = node.wait_log("claim.refused", address=A)
    assert "not_attached" == fields_of(said)["error_code"]
    assert [] == scene.writes(node)
    scene.attach(node.server)
    scene.wait_with(node.server)


@pytest.mark.parametrize("how", ["off", "removed", "detached"])
def test_a_holder_that_is_off_or_gone_keeps_nothing(scene: Scene, how: str) -> None:
    node = scene.running()
    match how:
        case "off":
            scene.cloud.set_server_status(scene.cluster.elsewhere, "off")
        case "removed":
            scene.cloud.remove_server(scene.cluster.elsewhere)
        case _:
            scene.cloud.detach(scene.cluster.elsewhere, scene.network)
    node.master()
    scene.wait_with(node.server)
    node.wait_log("address.claimed", address=A)


# --- trouble between the two steps ----------------------------------------------------------------


@pytest.mark.parametrize("step", ["release", "take"])
@pytest.mark.parametrize(
    "trouble",
    [
        Fault(status=503),
        Fault(status=423, code="locked"),
        Fault(status=504),
        Fault(status=504, commit=True),
        Fault(answer=Answer.RESET),
        Fault(answer=Answer.RESET, commit=True),
        Fault(answer=Answer.NEVER, commit=True),
        Fault(action_error="action_failed"),
        Fault(action_s=0.3),
    ],
)
def test_trouble_with_either_step_ends_with_both_here(
    scene: Scene, trouble: Fault, step: str
) -> None:
    node = scene.running()
    skip = 0 if step == "release" else 1
    scene.cloud.fault(replace(trouble, method="POST", path=LIST, skip=skip, count=1))
    node.master()
    scene.wait_with(node.server)
    for ip in (A, B):
        node.wait_log("address.claimed", address=ip)


@pytest.mark.parametrize("step", [1, 2])
def test_a_kill_between_the_steps_leaves_nothing_with_nobody(scene: Scene, step: int) -> None:
    node = scene.running()
    scene.cloud.fault(
        Fault(method="POST", path=LIST, skip=step - 1, count=1, answer_delay_s=60.0, action_s=0.0)
    )
    node.master()
    scene.cloud.wait_for(lambda: len(scene.writes(node)) == step, PATIENCE_S)
    node.daemon.kill()
    node.start(keepalived=False)
    node.master()
    scene.wait_with(node.server)


def test_a_demotion_between_the_steps_leaves_the_rest_to_the_next_master(scene: Scene) -> None:
    first, second = scene.running("node-a"), scene.running("node-b")
    slow = scene.cloud.fault(
        Fault(
            method="POST", path=LIST, action_never_ends=True, action_locks=False, late_commit_s=0.0
        )
    )
    first.master()
    scene.wait_with(None)
    first.backup()
    scene.cloud.clear(slow)
    second.master()
    scene.wait_with(second.server)
    assert 1 == len(scene.writes(first))


def test_what_another_tool_adds_meanwhile_stays(scene: Scene) -> None:
    node = scene.running()
    scene.cloud.set_alias_ips(node.server, scene.network, ["10.0.0.210", "10.0.0.211"])
    scene.cloud.set_alias_ips(scene.cluster.elsewhere, scene.network, [A, "10.0.0.212", B])
    node.master()
    scene.wait_with(node.server)
    node.wait_log("address.claimed", address=A)
    assert {"10.0.0.210", "10.0.0.211", "10.0.0.212"} <= set(scene.cloud.aliases(scene.network))


def test_two_nodes_that_take_turns_leave_what_is_not_theirs(scene: Scene) -> None:
    first, second = scene.running("node-a"), scene.running("node-b")
    foreign = {ip for ip in scene.cloud.aliases(scene.network) if ip not in (A, B)}
    for node, other in ((first, second), (second, first), (first, second)):
        other.backup()
        node.master()
        scene.wait_with(node.server)
        node.wait_log("address.claimed", address=A)
    assert foreign <= set(scene.cloud.aliases(scene.network))


def test_a_holder_that_takes_them_back_is_seen(scene: Scene) -> None:
    node = scene.running()
    node.master()
    node.wait_log("address.claimed", address=A)
    scene.cloud.set_alias_ips(node.server, scene.network, [])
    scene.cloud.set_alias_ips(scene.cluster.elsewhere, scene.network, [A, B])
    node.wait_log("address.drifted", address=A)
    scene.wait_with(node.server)
