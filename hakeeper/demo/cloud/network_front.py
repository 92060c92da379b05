"""The part of a simulated cloud's interface that is about private networks and alias IPs."""

from collections.abc import Iterable, Mapping

from hakeeper.demo.cloud.server_front import ServerFront
from hakeeper.demo.cloud.values import CREATED, AliasChange


class NetworkFront(ServerFront):
    """Private networks and alias IPs, as tests and labs use them."""

    def add_network(
        self,
        name: str,
        ip_range: str,
        *,
        network_id: int | None = None,
        subnets: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
    ) -> int:
        """Create a private network and return its id; without subnets it is one subnet."""
        return int(
            self.call(
                "add_network",
                name=name,
                ip_range=ip_range,
                network_id=network_id,
                subnets=list(subnets),
                labels=dict(labels or {}),
            )
        )

    def attach(self, server: int, network: int, ip: str, *, alias_ips: Iterable[str] = ()) -> None:
        """Attach a server to a network at once, with its own address and perhaps alias IPs."""
        self.call("attach", server=server, network=network, ip=ip, alias_ips=list(alias_ips))

    def detach(self, server: int, network: int) -> None:
        """Detach a server at once; its alias IPs in that network are nobody's then."""
        self.call("detach", server=server, network=network)

    def set_alias_ips(self, server: int, network: int, alias_ips: Iterable[str]) -> None:
        """Replace the list of a server at once, as an operator does in the console."""
        self.call("set_alias_ips", server=server, network=network, alias_ips=list(alias_ips))

    def aliases(self, network: int) -> dict[str, int]:
        """Return who has which alias IP now: the ids of servers, by address."""
        return {
            str(ip): int(server) for ip, server in self.call("aliases", network=network).items()
        }

    def alias_changes(self, network: int | None = None, ip: str | None = None) -> list[AliasChange]:
        """Return all gains and losses of alias IPs, oldest first, those of `attach` included."""
        changes = (AliasChange(**each) for each in self.call("alias_changes"))
        return [
            each for each in changes if network in {None, each.network} and ip in {None, each.ip}
        ]

    def alias_moves(self, network: int | None = None, ip: str | None = None) -> list[AliasChange]:
        """Return the gains and losses without those of `attach`."""
        return [each for each in self.alias_changes(network, ip) if each.cause != CREATED]
