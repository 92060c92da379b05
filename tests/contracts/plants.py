"""Mistakes planted in the fake, in the adapter and in the simulator, and the story for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from hakeeper.adapters.hetzner import call_guard, errors
from hakeeper.adapters.hetzner.call_guard import Answered, CallGuard
from hakeeper.adapters.hetzner.cloud import parse
from hakeeper.adapters.hetzner.errors import Phase
from hakeeper.cloud_register import Register
from hakeeper.core.calls import (
    Answer,
    CallResult,
    Failure,
    FailureKind,
    MutationAccepted,
    Quota,
    Request,
)
from hakeeper.core.events import StartCall
from hakeeper.core.observation import Key
from hakeeper.demo.cloud import errors as sim_errors
from hakeeper.demo.cloud.access import Bucket
from hakeeper.simulate import calls
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.calls import Call, Caller
from hakeeper.simulate.cloud import ALREADY, LOCKED, WorldCloud
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.call import CallFault
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.project import Project, failure
from tests.contracts import test_assigning as assigning
from tests.contracts import test_cancelling as cancelling
from tests.contracts import test_losses as losses
from tests.contracts import test_quota as quota
from tests.contracts import test_reading as reading
from tests.contracts import test_refusals as refusals
from tests.contracts.port import Story

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Plant:
    """One mistake, and a story that does not come out with it."""

    name: str
    plant: Callable[[Patch], None]
    story: Story


# --- in the fake ---------------------------------------------------------------------------------


def _reads_are_unknown(patch: Patch) -> None:
    def lost(_request: Request, code: str, http_status: int | None) -> Failure:
        return failure(FailureKind.OUTCOME_UNKNOWN, code, http_status)

    patch.setattr(calls, "lost", lost)


def _lost_is_undone(patch: Patch) -> None:
    def lost(_request: Request, code: str, http_status: int | None) -> Failure:
        return failure(FailureKind.TRANSIENT, code, http_status)

    patch.setattr(calls, "lost", lost)


def _lost_answers_are_not_executed(patch: Patch) -> None:
    real = Caller._struck

    def struck(self: Caller, call: Call, kind: Kind, fault: CallFault) -> Answer | Failure | None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(call.cloud, "answer", lambda *_a: LOCKED)
            return real(self, call, kind, fault)

    patch.setattr(Caller, "_struck", struck)


def _cancels_what_is_sent(patch: Patch) -> None:
    def cancel(self: Caller, call_id: int) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            self._end(call, failure(FailureKind.CANCELLED, "cancelled"))

    patch.setattr(Caller, "cancel", cancel)


def _cancelled_is_sent(patch: Patch) -> None:
    patch.setattr(Caller, "cancel", lambda *_a: None)


def _delivers_twice(patch: Patch) -> None:
    real = Caller.__init__

    def init(
        self: Caller,
        node: Node,
        deliver: Callable[[CallResult], None],
        agenda: Agenda,
        clouds: Clouds,
        observers: Observer,
    ) -> None:
        def twice(result: CallResult) -> None:
            deliver(result)
            deliver(result)

        real(self, node, twice, agenda, clouds, observers)

    patch.setattr(Caller, "__init__", init)


def _forgets_deadlines_of_handshakes(patch: Patch) -> None:
    real = Caller.start

    def start(self: Caller, effect: StartCall) -> None:
        real(self, replace(effect, timeout_s=effect.timeout_s * 4))

    patch.setattr(Caller, "start", start)


def _says_ours_before_locked(patch: Patch) -> None:
    real = WorldCloud._mutate

    def mutate(self: WorldCloud, resource: Key, holder: Key | None) -> MutationAccepted | Failure:
        if resource in self.resources and self.holder(resource) == holder:
            return ALREADY
        return real(self, resource, holder)

    patch.setattr(WorldCloud, "_mutate", mutate)


def _quota_of_the_delivery(patch: Patch) -> None:
    real = Caller._end

    def end(
        self: Caller, call: Call, outcome: Answer | Failure, quota: Quota | None = None
    ) -> None:
        real(self, call, outcome, None if quota is None else call.cloud.project.quota())

    patch.setattr(Caller, "_end", end)


def _unsent_are_called_sent(patch: Patch) -> None:
    real = Caller._end

    def end(
        self: Caller, call: Call, outcome: Answer | Failure, quota: Quota | None = None
    ) -> None:
        if call.sent_at_s is None:
            call.sent_at_s = self._agenda.now
        real(self, call, outcome, quota)

    patch.setattr(Caller, "_end", end)


IN_THE_FAKE = (
    Plant(
        "a read may be unknown",
        _reads_are_unknown,
        refusals.test_a_gateway_that_lost_sight_leaves_only_an_assign_unknown,
    ),
    Plant(
        "what is lost counts as not done",
        _lost_is_undone,
        losses.test_an_answer_lost_with_its_connection_leaves_a_done_assign_unknown,
    ),
    Plant(
        "an assign whose answer is lost is not done",
        _lost_answers_are_not_executed,
        losses.test_an_answer_lost_with_its_connection_leaves_a_done_assign_unknown,
    ),
    Plant(
        "a call that was sent can be cancelled",
        _cancels_what_is_sent,
        cancelling.test_a_call_cancelled_after_it_was_sent_is_answered_as_if_it_had_not_been,
    ),
    Plant(
        "a call cannot be cancelled",
        _cancelled_is_sent,
        cancelling.test_a_call_cancelled_before_it_is_sent_is_never_sent,
    ),
    Plant(
        "a result comes twice",
        _delivers_twice,
        reading.test_a_project_without_addresses_has_an_empty_list,
    ),
    Plant(
        "deadlines are four times as long",
        _forgets_deadlines_of_handshakes,
        losses.test_a_handshake_that_takes_too_long_ends_at_the_deadline,
    ),
    Plant(
        "ours is said before locked",
        _says_ours_before_locked,
        assigning.test_the_lock_is_said_before_that_the_address_is_ours,
    ),
    Plant(
        "the quota is that of the delivery",
        _quota_of_the_delivery,
        assigning.test_two_assigns_at_the_same_time_are_one_move_and_one_refusal,
    ),
    Plant(
        "what was not sent is called sent",
        _unsent_are_called_sent,
        losses.test_a_refused_connection_sends_nothing,
    ),
    Plant(
        "a list costs one call however long it is",
        lambda patch: patch.setattr(WorldCloud, "cost", lambda *_a: 1),
        quota.test_a_list_costs_one_for_each_page_of_fifty,
    ),
    Plant(
        "the bucket never fills",
        lambda patch: patch.setattr(Project, "take_token", lambda *_a, **_k: False),
        reading.test_a_project_without_addresses_has_an_empty_list,
    ),
    Plant(
        "a resolver that fails is called a refused connection",
        lambda patch: patch.setitem(calls.NOT_SENT, Kind.DNS, "connection_refused"),
        losses.test_a_name_without_an_address_sends_nothing,
    ),
)


# --- in the adapter ------------------------------------------------------------------------------


def _cancels_what_was_sent(patch: Patch) -> None:
    patch.setattr(CallGuard, "sent_at_s", property(lambda _self: None))

    def cancel(self: CallGuard) -> Failure | None:
        with self._lock:
            ended = failure(FailureKind.CANCELLED, "cancelled")
            return None if self._end(ended) is None else ended

    patch.setattr(CallGuard, "cancel", cancel)


def _made_up_wait_after_429(patch: Patch) -> None:
    real = call_guard.read_head

    def read_head(status: int, headers: Mapping[str, str]) -> Answered:
        return replace(real(status, headers), retry_after_s=1.0)

    patch.setattr("hakeeper.adapters.hetzner.transport.read_head", read_head)


def _every_loss_is_unknown(patch: Patch) -> None:
    patch.setattr(CallGuard, "lost_kind", lambda _self: FailureKind.OUTCOME_UNKNOWN)


def _every_loss_is_transient(patch: Patch) -> None:
    patch.setattr(CallGuard, "lost_kind", lambda _self: FailureKind.TRANSIENT)


IN_THE_ADAPTER = (
    Plant(
        "a 502 is transient",
        lambda patch: patch.setitem(errors.KIND_OF_CODE, "bad_gateway", FailureKind.TRANSIENT),
        refusals.test_a_gateway_that_lost_sight_leaves_only_an_assign_unknown,
    ),
    Plant(
        "a 503 is unknown",
        lambda patch: patch.setitem(
            errors.KIND_OF_CODE,
            "unavailable",
            FailureKind.OUTCOME_UNKNOWN,
        ),
        refusals.test_an_error_of_the_servers_is_the_apis_own_word_that_nothing_was_done,
    ),
    Plant(
        "a call that was sent can be cancelled",
        _cancels_what_was_sent,
        cancelling.test_a_call_cancelled_after_it_was_sent_is_answered_as_if_it_had_not_been,
    ),
    Plant(
        "a 429 is given a time to wait that it does not name",
        _made_up_wait_after_429,
        quota.test_an_empty_bucket_refuses_undone_and_names_no_time_to_wait,
    ),
    Plant(
        "only the first page is read",
        lambda patch: patch.setattr(parse, "next_page", lambda *_a, **_k: None),
        reading.test_a_list_of_many_pages_has_each_address_with_its_holder_once,
    ),
    Plant(
        "what was not sent is unknown",
        _every_loss_is_unknown,
        losses.test_a_refused_connection_sends_nothing,
    ),
    Plant(
        "what is lost counts as not done",
        _every_loss_is_transient,
        losses.test_an_answer_lost_with_its_connection_leaves_a_done_assign_unknown,
    ),
    Plant(
        "a connection that times out is called a missed deadline",
        lambda patch: patch.setitem(errors.CODE_OF_PHASE, Phase.CONNECTING, "deadline"),
        losses.test_a_host_that_does_not_take_the_connection_ends_at_the_deadline,
    ),
)


# --- in the simulator ----------------------------------------------------------------------------

IN_THE_SIMULATOR = (
    Plant(
        "a token that may only read is 403",
        lambda patch: patch.setitem(sim_errors.STATUS, "token_readonly", 403),
        refusals.test_a_token_that_may_only_read_reads,
    ),
    Plant(
        "a running action locks nothing",
        lambda patch: patch.setattr(Register, "_locked", lambda *_a: None),
        assigning.test_a_running_action_locks_its_address_until_it_ends,
    ),
    Plant(
        "calls cost nothing",
        lambda patch: patch.setattr(Bucket, "take", lambda *_a: True),
        quota.test_every_call_costs_one_whether_it_is_granted_or_refused,
    ),
)
