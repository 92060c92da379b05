"""The interface of a simulated Robot for tests and labs, the same in and out of its process."""

from hakeeper.demo.cloud.server_front import ServerFront
from hakeeper.demo.cloud.values import CREATED, JsonObject, LoggedRequest, to_json
from hakeeper.demo.robot.values import Kind, Login, RouteChange


class RobotFront(ServerFront):
    """A simulated Robot webservice, as tests and labs use it. `url` has no path."""

    # --- setting the scene ----------------------------------------------------------------------

    def add_server(self, ip: str, ipv6_net: str, *, number: int | None = None) -> int:
        """Add a dedicated server and return its number.

        `ip`: its main IP. `ipv6_net`: the address of its main IPv6 network, such as 2001:db8:1::.
        """
        return int(self.call("add_server", ip=ip, ipv6_net=ipv6_net, number=number))

    def add_failover(self, network: str, owner: int, *, to: int | None = None) -> str:
        """Add a failover IP (203.0.113.7) or network (2001:db8:f::/64) and return its address.

        `owner`: the number of the server that it was ordered for. `to`: where it is routed.
        """
        return str(self.call("add_failover", network=network, owner=owner, to=to))

    def remove_server(self, number: int) -> None:
        """Take a server away; what is routed to it is routed to none then."""
        self.call("remove_server", number=number)

    def add_client(self, name: str, login: Login | None = None) -> Login:
        """Give a client a login of the account, by default a new one; the log uses its name.

        The password of a user that is there already is replaced.
        """
        given = {} if login is None else {"user": login.user, "password": login.password}
        return Login(**self.call("add_client", name=name, **given))

    def set_rules(
        self,
        *,
        switch_s: float | None = None,
        shows_status: bool | None = None,
        interval_s: float | None = None,
        failed_logins: int | None = None,
        block_s: float | None = None,
    ) -> None:
        """Change how Robot behaves from now on (`RobotRules`); None leaves a rule as it is."""
        self.call(
            "set_rules",
            switch_s=switch_s,
            shows_status=shows_status,
            interval_s=interval_s,
            failed_logins=failed_logins,
            block_s=block_s,
        )

    def set_quota(self, kind: Kind, max_requests: int, *, left: int | None = None) -> None:
        """Change how many requests of a kind are allowed; `left`: how many are left of them now."""
        self.call("set_quota", kind=kind.value, max_requests=max_requests, left=left)

    def unblock(self) -> None:
        """Forget failed logins and blocked addresses."""
        self.call("unblock")

    def move(self, ip: str, to: int | None) -> None:
        """Route an address at once, as somebody does in Robot's web interface."""
        self.call("move", ip=ip, to=to)

    # --- asking -----------------------------------------------------------------------------------

    def holder(self, ip: str) -> int | None:
        """Return the number of the server that an address is routed to now."""
        holder = self.call("holder", ip=ip)
        return None if holder is None else int(holder)

    def active_server_ip(self, ip: str) -> str | None:
        """Return where an address is routed to now, as the API says it."""
        shown = self.call("failover", ip=ip)["active_server_ip"]
        return None if shown is None else str(shown)

    def left(self, kind: Kind) -> int:
        """Return how many requests of a kind are left."""
        return int(self.call("left", kind=kind.value))

    def is_blocked(self, source: str) -> bool:
        """Say whether an address is blocked after failed logins."""
        return bool(self.call("is_blocked", source=source))

    def switches(self, *, client: str | None = None, ip: str | None = None) -> list[LoggedRequest]:
        """Return every POST that was received, with any result."""
        posts = self.requests(client=client, method="POST")
        return [entry for entry in posts if ip is None or entry.path == f"/failover/{ip}"]

    def route_changes(self, ip: str | None = None) -> list[RouteChange]:
        """Return all changes of routes, oldest first; the first of each address is its creation."""
        changes = (RouteChange(**each) for each in self.call("route_changes"))
        return [each for each in changes if ip in {None, each.ip}]

    def moves(self, ip: str | None = None) -> list[RouteChange]:
        """Return the changes of routes without the creations."""
        return [each for each in self.route_changes(ip) if each.cause != CREATED]

    def all_changes(self) -> list[JsonObject]:
        """Return all changes of routes as JSON."""
        return [to_json(each) for each in self.route_changes()]
