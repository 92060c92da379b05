"""The interface of a simulated cloud for tests and labs, the same in and out of its process.

Every method is one command (see `commands.py`); the two implementations only differ in how they
send it.
"""

from collections.abc import Iterable, Mapping

from hakeeper.demo.cloud.network_front import NetworkFront
from hakeeper.demo.cloud.values import (
    CREATED,
    USUAL,
    HolderChange,
    JsonObject,
    LoggedRequest,
    to_json,
)


class CloudFront(NetworkFront):
    """A simulated Hetzner Cloud, as tests and labs use it."""

    # --- setting the scene ----------------------------------------------------------------------

    def add_server(  # noqa: PLR0913 - all named, as the API has them
        self,
        name: str,
        *,
        server_id: int | None = None,
        location: str = "fsn1",
        status: str = "running",
        labels: Mapping[str, str] | None = None,
        ipv4: str | None = USUAL,
        ipv6: str | None = USUAL,
        private_ips: Iterable[str] = (),
    ) -> int:
        """Create a server and return its id. `ipv4`, `ipv6`: its Primary IPs; None: it has none.

        `private_ips`: it is attached to the first network that has the address, or to a new one.
        """
        return int(
            self.call(
                "add_server",
                name=name,
                server_id=server_id,
                location=location,
                status=status,
                labels=dict(labels or {}),
                ipv4=ipv4,
                ipv6=ipv6,
                private_ips=list(private_ips),
            )
        )

    def add_floating_ip(  # noqa: PLR0913 - all named, as the API has them
        self,
        name: str,
        ip: str,
        *,
        floating_ip_id: int | None = None,
        server: int | None = None,
        location: str = "fsn1",
        labels: Mapping[str, str] | None = None,
        blocked: bool = False,
        description: str | None = None,
    ) -> int:
        """Create a floating IP (IPv6: a /64 network) and return its id."""
        return int(
            self.call(
                "add_floating_ip",
                name=name,
                ip=ip,
                floating_ip_id=floating_ip_id,
                server=server,
                location=location,
                labels=dict(labels or {}),
                blocked=blocked,
                description=description,
            )
        )

    def remove_server(self, server: int) -> None:
        """Delete a server; nobody has its floating IPs and its alias IPs then."""
        self.call("remove_server", server=server)

    def remove_floating_ip(self, floating_ip: int) -> None:
        """Delete a floating IP."""
        self.call("remove_floating_ip", floating_ip=floating_ip)

    def set_server_status(self, server: int, status: str) -> None:
        """Set a server's status: `running`, `off`, ..."""
        self.call("set_server_status", server=server, status=status)

    def set_blocked(self, floating_ip: int, *, blocked: bool) -> None:
        """Set whether Hetzner has blocked a floating IP."""
        self.call("set_blocked", floating_ip=floating_ip, blocked=blocked)

    def set_labels(self, floating_ip: int, labels: Mapping[str, str]) -> None:
        """Set the labels of a floating IP; it has no others then."""
        self.call("set_labels", floating_ip=floating_ip, labels=dict(labels))

    def add_client(self, name: str, *, token: str | None = None, read_only: bool = False) -> str:
        """Give a client one more token; the log uses this client name."""
        return str(self.call("add_client", name=name, token=token, read_only=read_only))

    def revoke(self, client: str) -> None:
        """Make all tokens of a client invalid."""
        self.call("revoke", client=client)

    def rotate(self, client: str) -> str:
        """Make all tokens of a client invalid and return a new one."""
        self.revoke(client)
        return self.add_client(client)

    def set_rules(
        self,
        *,
        action_s: float | None = None,
        holder_at_accept: bool | None = None,
        lock_servers: bool | None = None,
        lock_networks: bool | None = None,
        refuse_off: bool | None = None,
        members: bool | None = None,
    ) -> None:
        """Change how the cloud behaves from now on; None leaves a rule as it is."""
        self.call(
            "set_rules",
            action_s=action_s,
            holder_at_accept=holder_at_accept,
            lock_servers=lock_servers,
            lock_networks=lock_networks,
            refuse_off=refuse_off,
            members=members,
        )

    def set_rate_limit(self, limit_per_hour: int, *, remaining: int | None = None) -> None:
        """Change the token bucket; `remaining` sets its current level."""
        self.call("set_rate_limit", limit_per_hour=limit_per_hour, remaining=remaining)

    def metadata_url(self, server: int, *, host: str | None = None, port: int = 0) -> str:
        """Open a server's metadata service on a separate port and return its base URL."""
        return str(self.call("metadata_url", server=server, host=host, port=port))

    # --- trouble ----------------------------------------------------------------------------------

    def move(self, floating_ip: int, server: int | None) -> None:
        """Change the holder at once, as an operator does in the console."""
        self.call("move", floating_ip=floating_ip, server=server)

    # --- asking -----------------------------------------------------------------------------------

    def assigns(
        self, *, client: str | None = None, floating_ip: int | None = None
    ) -> list[LoggedRequest]:
        """Return every assign that was received, with any result."""
        return [
            entry
            for entry in self.requests(client=client, method="POST")
            if entry.is_assign and floating_ip in {None, entry.floating_ip}
        ]

    def alias_writes(
        self, *, client: str | None = None, server: int | None = None
    ) -> list[LoggedRequest]:
        """Return every write of a list of alias IPs that was received, with any result."""
        return [
            entry
            for entry in self.requests(client=client, method="POST")
            if entry.is_alias_write and server in {None, entry.server}
        ]

    def holder(self, floating_ip: int) -> int | None:
        """Return the id of the server that holds a floating IP now."""
        holder = self.call("holder", floating_ip=floating_ip)
        return None if holder is None else int(holder)

    def holder_changes(self, floating_ip: int | None = None) -> list[HolderChange]:
        """Return all changes of holder, oldest first; the first of each address is its creation."""
        changes = (HolderChange(**each) for each in self.call("holder_changes"))
        return [each for each in changes if floating_ip in {None, each.floating_ip}]

    def moves(self, floating_ip: int | None = None) -> list[HolderChange]:
        """Return the changes of holder without the creations."""
        return [each for each in self.holder_changes(floating_ip) if each.cause != CREATED]

    def actions(self) -> list[JsonObject]:
        """Return all actions as the API shows them now."""
        return list(self.call("actions"))

    def all_changes(self) -> list[JsonObject]:
        """Return all changes of holders as JSON, of floating IPs and of alias IPs."""
        return [to_json(each) for each in (*self.holder_changes(), *self.alias_changes())]
