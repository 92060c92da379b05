"""Mistakes about alias IPs, planted in the fake, in the adapter and in the simulator."""

from hakeeper.adapters.hetzner import errors
from hakeeper.core.calls import FailureKind
from hakeeper.core.kind import HttpRequest, Json
from hakeeper.core.observation import Key, Part, Reading
from hakeeper.demo.cloud import errors as sim_errors
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.networks import Networks
from hakeeper.kinds import alias_ip
from hakeeper.kinds.alias_ip import AliasIps
from hakeeper.simulate import alias_cloud
from hakeeper.simulate.alias_cloud import AliasCloud, ListAction
from hakeeper.simulate.project import Accepted
from tests.contracts import test_alias_ips as aliases
from tests.contracts.plants import Patch, Plant


def _detached_are_shown(patch: Patch) -> None:
    real = AliasCloud._reading

    def reading(self: AliasCloud, networks: list[int], lag_s: float, *, whole: bool) -> Reading:
        detached, self.detached = self.detached, []
        shown = real(self, networks, lag_s, whole=whole)
        self.detached = detached
        return shown

    patch.setattr(AliasCloud, "_reading", reading)


def _adds_to_the_list(patch: Patch) -> None:
    real = AliasCloud._exchange

    def exchange(
        self: AliasCloud,
        network: int,
        server_id: Key,
        wanted: tuple[Key, ...],
        action: ListAction | None,
        now: float | None = None,
    ) -> None:
        real(self, network, server_id, (*self.held(network, server_id), *wanted), action, now)

    patch.setattr(AliasCloud, "_exchange", exchange)


def _failed_actions_change_lists(patch: Patch) -> None:
    real = AliasCloud._begin

    def begin(self: AliasCloud, action: Accepted) -> object:
        self.carry_out(action, action.started_s)
        return real(self, action)

    patch.setattr(AliasCloud, "_begin", begin)


IN_THE_FAKE = (
    Plant(
        "a list that is too long is taken in",
        lambda patch: patch.setattr(alias_ip, "MOST", 6),
        aliases.test_a_server_has_five_at_most_in_all_its_networks,
    ),
    Plant(
        "servers that are not attached are shown",
        _detached_are_shown,
        aliases.test_a_server_that_is_not_attached_is_in_no_list,
    ),
    Plant(
        "a request adds to the list",
        _adds_to_the_list,
        aliases.test_a_move_is_a_release_and_a_take_and_leaves_what_is_foreign,
    ),
    Plant(
        "what fails changes the list",
        _failed_actions_change_lists,
        aliases.test_an_action_that_fails_changes_no_list,
    ),
    Plant(
        "what another has is refused for good",
        lambda patch: patch.setattr(alias_cloud, "TAKEN", alias_cloud.TOO_MANY),
        aliases.test_what_another_server_has_is_not_available,
    ),
    Plant(
        "the members of one network cost as much as all",
        lambda patch: patch.setattr(AliasCloud, "cost", lambda *_a: 2),
        aliases.test_the_members_of_one_network_are_those_of_the_whole_list,
    ),
)


def _own_addresses_are_forgotten(patch: Patch) -> None:
    patch.setattr(alias_ip, "_address", lambda _entry: "")


def _members_have_ranges(patch: Patch) -> None:
    real = AliasIps.read_list

    def read_list(self: AliasIps, request: HttpRequest, answer: Json) -> Reading:
        reading = real(self, request, answer)
        parts = tuple(Part(key=p.key, name="net", network=p.network, rows=p.rows)
                      for p in reading.parts)  # fmt: skip
        return Reading((), parts=parts)

    patch.setattr(AliasIps, "read_list", read_list)


IN_THE_ADAPTER = (
    Plant(
        "what servers have themselves is not read",
        _own_addresses_are_forgotten,
        aliases.test_the_whole_list_has_networks_with_names_ranges_and_all_members,
    ),
    Plant(
        "a list of members makes up a name",
        _members_have_ranges,
        aliases.test_the_members_of_one_network_are_those_of_the_whole_list,
    ),
    Plant(
        "an address of another server is refused for good",
        lambda patch: patch.setitem(errors.KIND_OF_CODE, "ip_not_available", FailureKind.REFUSED),
        aliases.test_what_another_server_has_is_not_available,
    ),
)


def _off_by_one(patch: Patch) -> None:
    patch.setattr("hakeeper.demo.cloud.networks.MAX_ALIAS_IPS", 6)


IN_THE_SIMULATOR = (
    Plant(
        "a server may have six",
        _off_by_one,
        aliases.test_a_server_has_five_at_most_in_all_its_networks,
    ),
    Plant(
        "changes of lists lock nothing",
        lambda patch: patch.setattr(CloudModel, "_refuse_locked", lambda *_a: None),
        aliases.test_a_server_whose_list_is_being_changed_is_locked_and_no_other,
    ),
    Plant(
        "what another server has is taken away from it",
        lambda patch: patch.setattr(Networks, "_of_others", lambda *_a: set()),
        aliases.test_what_another_server_has_when_an_action_ends_stays_there,
    ),
    Plant(
        "an address of another server is a conflict",
        lambda patch: patch.setitem(sim_errors.STATUS, "ip_not_available", 409),
        aliases.test_what_another_server_has_is_not_available,
    ),
)
