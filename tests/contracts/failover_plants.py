"""Mistakes about failover IPs, planted in the fake, in the adapter and in the simulator."""

from dataclasses import replace

from hakeeper.adapters.hetzner import errors
from hakeeper.adapters.hetzner.robot import client
from hakeeper.core.calls import Answer, Failure, FailureKind
from hakeeper.core.kind import Json
from hakeeper.core.observation import Observation
from hakeeper.demo.robot import values
from hakeeper.demo.robot.access import Logins, Quotas
from hakeeper.demo.robot.model import RobotModel
from hakeeper.kinds.failover_ip import FailoverIps
from hakeeper.simulate import robot_cloud
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.project import Project, failure
from hakeeper.simulate.robot_cloud import RobotCloud
from tests.contracts import test_failover_ips as failovers
from tests.contracts.plants import Patch, Plant


def _answers_at_once(_self: RobotCloud, _outcome: Answer | Failure) -> float:
    return 0.0


def _like_the_cloud(_self: Project, *, step: bool = False) -> Failure:
    del step
    return failure(FailureKind.THROTTLED, "rate_limit_exceeded", 429)


IN_THE_FAKE = (
    Plant(
        "a switch is answered at once",
        lambda patch: patch.setattr(RobotCloud, "answer_takes_s", _answers_at_once),
        failovers.test_a_switch_is_answered_when_it_is_done,
    ),
    Plant(
        "nothing is said to be moving",
        lambda patch: patch.setattr(RobotCloud, "is_busy", lambda *_a: False),
        failovers.test_what_is_being_switched_is_moving_and_locked_and_no_other_is,
    ),
    Plant(
        "any address names a server",
        lambda patch: patch.setattr(RobotCloud, "_has_target", lambda *_a: True),
        failovers.test_a_server_that_is_not_there_or_named_by_the_other_family_is_refused,
    ),
    Plant(
        "a lock is said in the words of the Cloud",
        lambda patch: patch.setattr(RobotCloud, "locked", WorldCloud.locked),
        failovers.test_a_lock_of_somebody_else_refuses_a_switch,
    ),
    Plant(
        "maintenance is said in the words of the Cloud",
        lambda patch: patch.setattr(RobotCloud, "unavailable", WorldCloud.unavailable),
        failovers.test_maintenance_does_nothing,
    ),
    Plant(
        "wrong logins never shut anybody out",
        lambda patch: patch.setattr(RobotCloud, "blocked", lambda *_a: None),
        failovers.test_three_wrong_logins_shut_out_the_right_one,
    ),
    Plant(
        "a spent quota is a 429",
        lambda patch: patch.setattr(Project, "throttled", _like_the_cloud),
        failovers.test_a_spent_quota_says_after_how_long_one_more_is_granted,
    ),
    Plant(
        "a failed switch counts as locked",
        lambda patch: patch.setattr(robot_cloud, "FAILED", robot_cloud.LOCKED),
        failovers.test_a_switch_that_fails_leaves_the_route_and_says_so,
    ),
    Plant(
        "networks of IPv6 are with a server's IPv4 address",
        lambda patch: patch.setattr(robot_cloud, "main_net", robot_cloud.main_ip),
        failovers.test_failover_ips_of_both_families_are_read_with_the_main_address_of_their_server,
    ),
)


def _never_moving(patch: Patch) -> None:
    real = FailoverIps.read_one

    def read_one(self: FailoverIps, answer: Json) -> Observation:
        return replace(real(self, answer), moving=False)

    patch.setattr(FailoverIps, "read_one", read_one)


IN_THE_ADAPTER = (
    Plant(
        "what is moving is overlooked",
        _never_moving,
        failovers.test_what_is_being_switched_is_moving_and_locked_and_no_other_is,
    ),
    Plant(
        "what is routed there already is refused for good",
        lambda patch: patch.setitem(
            errors.KIND_OF_CODE, "failover_already_routed", FailureKind.REFUSED
        ),
        failovers.test_what_is_routed_to_us_is_said_to_be_so,
    ),
    Plant(
        "a switch that failed counts as not done",
        lambda patch: patch.setitem(errors.KIND_OF_CODE, "failover_failed", FailureKind.TRANSIENT),
        failovers.test_a_switch_that_fails_leaves_the_route_and_says_so,
    ),
    Plant(
        "how long to wait is not read",
        lambda patch: patch.setattr(client, "_wait_s", lambda *_a: None),
        failovers.test_a_spent_quota_says_after_how_long_one_more_is_granted,
    ),
)

IN_THE_SIMULATOR = (
    Plant(
        "a server that is not there is invalid input",
        lambda patch: patch.setitem(values.STATUS, values.FAILOVER_NEW_SERVER_NOT_FOUND, 400),
        failovers.test_a_server_that_is_not_there_or_named_by_the_other_family_is_refused,
    ),
    Plant(
        "requests cost nothing",
        lambda patch: patch.setattr(Quotas, "take", lambda *_a: None),
        failovers.test_a_spent_quota_says_after_how_long_one_more_is_granted,
    ),
    Plant(
        "wrong logins never shut anybody out",
        lambda patch: patch.setattr(Logins, "is_blocked", lambda *_a: False),
        failovers.test_three_wrong_logins_shut_out_the_right_one,
    ),
    Plant(
        "networks of IPv6 are with a server's IPv4 address",
        lambda patch: patch.setattr(
            RobotModel, "_target", staticmethod(lambda _failover, server: server.ip)
        ),
        failovers.test_failover_ips_of_both_families_are_read_with_the_main_address_of_their_server,
    ),
)
