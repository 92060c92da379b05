"""States of the API, the token and the server's identity."""

import trustme

from hakeeper.demo.cloud import Answer, Fault, Network, SimCloud
from tests.states.scene import EAGER, Scene
from tests.states.state import BROKEN, DEGRADED, OK, State
from tests.support.named_cloud import NAME, node_with
from tests.support.robot_listener import LOGIN, RobotListener
from tests.support.tls import server_context

NO_SERVER = 999
FAILOVER_IP = "203.0.113.7"


def another_server(scene: Scene) -> None:
    scene.node().config["server"] = NO_SERVER
    scene.launch().role("BACKUP")


def server_of_the_other(scene: Scene) -> None:
    """Its hakeeper.yaml was copied from the other node."""
    node = scene.node()
    node.config["server"] = scene.cluster.elsewhere
    scene.launch().role("BACKUP")


def no_identity(scene: Scene) -> None:
    """This machine is no server of Hetzner: nothing here says which one it is."""
    node = scene.node()
    node.config["server"] = "auto"
    scene.launch().role("BACKUP")


def refused(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.fault(Fault(network=Network.REFUSE))


def refused_as_master(scene: Scene) -> None:
    scene.master(**EAGER)
    scene.cloud.fault(Fault(network=Network.REFUSE))


def healed(scene: Scene) -> None:
    refused_as_master(scene)
    scene.it.wait_log("status.degraded", code="api.unreachable")
    scene.cloud.clear_all()


def silent(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.fault(Fault(answer=Answer.NEVER))


def hanging(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cluster.drop_connections()
    scene.cloud.fault(Fault(network=Network.HANDSHAKE_HANG))


def unavailable(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.fault(Fault(status=503))


def no_name(scene: Scene) -> None:
    hosts = scene.cluster.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    trustme.CA().cert_pem.write_to_path(str(scene.cluster.folder / "ca.pem"))
    node = scene.adopt(node_with(scene.cluster, hosts, scene.environment))
    node.config["hetzner"]["endpoint"] = f"https://{NAME}:1/v1"
    scene.launch().role("BACKUP")


def certificate_of_nobody(scene: Scene) -> None:
    other = SimCloud(tls=server_context(trustme.CA(), "127.0.0.1"))
    scene.node().config["hetzner"]["endpoint"] = scene.stack.enter_context(other).url
    scene.launch().role("BACKUP")


def quota_gone(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.set_rate_limit(3600, remaining=0)
    scene.cloud.fault(Fault(status=429))  # one call a second comes back, and others spend it


def quota_low(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.set_rate_limit(3600, remaining=100)


def token_revoked(scene: Scene) -> None:
    node = scene.backup(**EAGER)
    scene.cloud.revoke(node.name)


def token_of_another_project(scene: Scene) -> None:
    other = scene.stack.enter_context(SimCloud())
    node = scene.node()
    other.add_client(node.name, token=node.token)
    node.config["hetzner"]["endpoint"] = other.url
    scene.launch().role("BACKUP")


def login_refused(scene: Scene) -> None:
    """It has a failover IP beside its floating IP."""
    robot = scene.stack.enter_context(RobotListener(**{FAILOVER_IP: "198.51.100.2"}))
    node = scene.node(**EAGER)
    login = node.folder / "robot-login"
    login.touch(0o600)
    login.write_text(f"{LOGIN}-of-yesterday\n")
    scene.values["secret_file"] = str(login)
    node.config["robot"] = {
        "endpoint": robot.url,
        "credentials_file": str(login),
        "server": "127.0.0.2",
    }
    node.config["instances"]["VI_1"]["failover_ips"] = [FAILOVER_IP]
    scene.launch().role("BACKUP")


def list_refused(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.fault(Fault(method="GET", path="/floating_ips$", status=400, code="invalid_input"))


def token_may_only_read(scene: Scene) -> None:
    node = scene.node()
    scene.cloud.revoke(node.name)
    node.write_token(scene.cloud.add_client(node.name, read_only=True))
    scene.launch().master()


STATES = (
    State(
        name="the configured server does not exist",
        check_says="",
        make=another_server,
        exit_code=DEGRADED,
        code="server.unidentified",
        says="which Hetzner server this is, is not known",
        cause="the project of this token has no server 999",
        event="server.unidentified",
    ),
    State(
        name="the configured server does not exist, for long",
        check_says="",
        make=another_server,
        exit_code=BROKEN,
        code="server.unidentified",
        says="which Hetzner server this is, is not known",
        cause="the project of this token has no server 999",
    ),
    State(
        name="the configured server is the other node",
        check_says="is not this machine",
        make=server_of_the_other,
        exit_code=BROKEN,
        code="server.unidentified",
        says="which Hetzner server this is, is not known",
        cause="from: configuration) is not this machine: of its addresses, 198.51.100.",
        event="server.unidentified",
    ),
    State(
        name="nothing says which server this is",
        check_says="",
        make=no_identity,
        exit_code=DEGRADED,
        code="server.unidentified",
        says="which Hetzner server this is, is not known",
        event="server.unidentified",
    ),
    State(
        name="the API refuses connections",
        check_says="",
        make=refused,
        exit_code=DEGRADED,
        code="api.unreachable",
        says="the Hetzner API cannot be reached",
        cause="refused (connection_refused)",
    ),
    State(
        name="the API refuses connections of a MASTER, for long",
        check_says="",
        make=refused_as_master,
        exit_code=BROKEN,
        code="api.unreachable",
        says="the Hetzner API cannot be reached",
        cause="refused (connection_refused)",
    ),
    State(
        name="the API was away, and is back",
        make=healed,
        exit_code=OK,
        event="status.ok",
        confirmed=True,
        current=True,
    ),
    State(
        name="the API does not answer",
        check_says="",
        make=silent,
        exit_code=DEGRADED,
        code="api.unreachable",
        says="the Hetzner API cannot be reached",
        cause="no answer within 2 s",
    ),
    State(
        name="the API takes connections, and says nothing",
        check_says="",
        make=hanging,
        exit_code=DEGRADED,
        code="api.unreachable",
        says="the Hetzner API cannot be reached",
        cause="no answer within 2 s",
    ),
    State(
        name="the API answers 503",
        check_says="",
        make=unavailable,
        exit_code=DEGRADED,
        code="api.unreachable",
        says="the Hetzner API answers with errors",
        cause="(unavailable)",
    ),
    State(
        name="the API's name is not found",
        check_says="",
        make=no_name,
        exit_code=DEGRADED,
        code="api.unresolved",
        says="the Hetzner API cannot be reached",
        cause="(dns)",
    ),
    State(
        name="the API's certificate is of nobody we know",
        make=certificate_of_nobody,
        exit_code=DEGRADED,
        code="api.unreachable",
        says="the Hetzner API cannot be reached",
        cause="certificate refused: ",
    ),
    State(
        name="the quota is gone",
        check_says="",
        make=quota_gone,
        exit_code=DEGRADED,
        code="api.throttled",
        says="Hetzner takes no more calls for now",
        cause="(rate_limit_exceeded)",
    ),
    State(
        name="the quota is nearly gone",
        check_says="",
        make=quota_low,
        exit_code=DEGRADED,
        code="quota.low",
        says=" of 3600 API calls are left in this hour",
        has_since=False,
    ),
    State(
        name="the token was revoked",
        make=token_revoked,
        exit_code=BROKEN,
        code="token.rejected",
        says="Hetzner rejects the API token",
        cause="(unauthorized)",
    ),
    State(
        name="the token is of another project",
        make=token_of_another_project,
        exit_code=BROKEN,
        code="address.unresolved",
        says="VI_1: floating IP web is not found",
        cause="this token's project has no such floating IP",
        has_since=False,
    ),
    State(
        name="Robot refuses the login",
        make=login_refused,
        exit_code=BROKEN,
        code="login.rejected",
        says="Robot refuses the login",
        cause="Unauthorized (unauthorized)",
    ),
    State(
        name="the API refuses to list the floating IPs",
        make=list_refused,
        exit_code=DEGRADED,
        code="api.refused",
        says="Hetzner refuses to let the addresses be read",
        cause="(invalid_input)",
    ),
    State(
        name="the token may only read, at a failover",
        make=token_may_only_read,
        exit_code=BROKEN,
        code="token.readonly",
        says="Hetzner refuses the assign of web = 203.0.113.10",
        cause="the token may only read (token_readonly)",
        confirmed=False,
    ),
)
