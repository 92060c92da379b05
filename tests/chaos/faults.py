"""What may go wrong with daemons, the API and the way to it: one function a fault."""

import os
import signal
from collections.abc import Mapping
from typing import Final

from tests.chaos.api import QUOTA_PER_HOUR, Sickness
from tests.chaos.names import Mood
from tests.chaos.nodes import Node
from tests.chaos.rooms import ADDRESSES
from tests.chaos.stage import DESCRIPTORS_FEW, Fault, Stage


def unavailable(stage: Stage) -> None:
    stage.api.ills.status = stage.rng.choice((500, 502, 503, 504))


def assign_fails(stage: Stage) -> None:
    stage.api.ills.assign_status = 500


def locked(stage: Stage) -> None:
    stage.api.ills.assign_status, stage.api.ills.assign_code = 423, "locked"


def conflict(stage: Stage) -> None:
    stage.api.ills.assign_status, stage.api.ills.assign_code = 409, "conflict"


def slow(stage: Stage) -> None:
    stage.api.ills.delay_s = stage.rng.uniform(0.2, 3.0)


def hangs(stage: Stage) -> None:
    stage.api.ills.hang = True


def mute(stage: Stage) -> None:
    stage.api.ills.mute = True


def writes_are_lost(stage: Stage) -> None:
    stage.api.ills.lost = True


def some_writes_are_lost(stage: Stage) -> None:
    stage.api.ills.half_lost = True


def reads_lag(stage: Stage) -> None:
    for node in stage.nodes:
        stage.api.ills.lag_s[node.name] = stage.rng.uniform(0.5, 4.0)


def reads_of_one_lag(stage: Stage) -> None:
    stage.api.ills.lag_s[stage.some().name] = 2.0


def actions_take_time(stage: Stage) -> None:
    stage.api.ills.action_s = stage.rng.uniform(0.2, 4.0)


def actions_fail(stage: Stage) -> None:
    stage.api.ills.action_fails = True


def away(stage: Stage) -> None:
    stage.api.ills.away = True
    stage.front.drop()


def connections_reset(stage: Stage) -> None:
    stage.front.drop()


def quota_gone(stage: Stage) -> None:
    stage.api.spend(QUOTA_PER_HOUR)


def moved_away(stage: Stage) -> None:
    holder = stage.rng.choice([None, *stage.api.servers])
    for number in stage.api.ips:
        stage.api.move(number, holder)


def killed(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.kill()
        stage.dead.add(node.name)
        stage.frozen.discard(node.name)


def restarted(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.kill()
        node.start()
        stage.frozen.discard(node.name)


def frozen(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.signal(signal.SIGSTOP)
        stage.frozen.add(node.name)


def reloaded(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.reload()


def descriptors_gone(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.limit_descriptors(DESCRIPTORS_FEW)


def state_folder_gone(stage: Stage) -> None:
    node = stage.some()
    node.remove_folder("state")


def runtime_folder_gone(stage: Stage) -> None:
    node = stage.some()
    node.remove_folder("run")


def state_spoiled(stage: Stage) -> None:
    folder = stage.some().folder / "state"
    if folder.is_dir():
        (folder / "state.json").write_bytes(os.urandom(100))


# --- which server am I ---------------------------------------------------------------------------


def _begin_anew(stage: Stage, node: Node) -> None:
    """Have it learn who it is once more."""
    if node.name not in stage.dead:
        node.kill()
        stage.frozen.discard(node.name)
        if stage.rng.random() < 0.5:
            node.remove_folder("state")
            node.make_folders()
        node.start()


def metadata_lies(stage: Stage) -> None:
    """It names the other server, one that is not there, nonsense, or nothing."""
    node = stage.some()
    others = [str(each.server) for each in stage.nodes if each is not node]
    said = stage.rng.choice([*others, "999", "", "<html>", None])
    stage.api.ills.metadata[node.name] = said
    _begin_anew(stage, node)


def servers_lie(stage: Stage) -> None:
    """No server has an address that is on its machine."""
    stage.api.ills.strangers = True
    _begin_anew(stage, stage.some())


# --- the way to the API --------------------------------------------------------------------------


def _moods(stage: Stage, *moods: Mood) -> None:
    slow_s = stage.rng.uniform(0.5, 6.0)
    for node in stage.nodes:
        node.resolver.set_moods(*moods, slow_s=slow_s)
    _perhaps_reconnect(stage)


def _perhaps_reconnect(stage: Stage) -> None:
    if stage.rng.random() < 0.5:
        stage.front.drop()


def first_nameserver_dead(stage: Stage) -> None:
    _moods(stage, Mood.DEAD)


def nameservers_dead(stage: Stage) -> None:
    _moods(stage, Mood.DEAD, Mood.DEAD)


def nameservers_slow(stage: Stage) -> None:
    _moods(stage, Mood.SLOW, Mood.SLOW)


def nameservers_fail(stage: Stage) -> None:
    mood = stage.rng.choice((Mood.FAILING, Mood.NO_SUCH_NAME, Mood.EMPTY))
    _moods(stage, mood, mood)


def nameservers_lie(stage: Stage) -> None:
    _moods(stage, Mood.LYING, Mood.LYING)


def nameservers_change(stage: Stage) -> None:
    _moods(stage, Mood.CHANGING, Mood.CHANGING)


def nameservers_gone(stage: Stage) -> None:
    for node in stage.nodes:
        node.resolver.close()
    _perhaps_reconnect(stage)


def _sick_ones(stage: Stage) -> list[str]:
    return stage.rng.sample(ADDRESSES, stage.rng.randint(1, len(ADDRESSES) - 1))


def address_swallowed(stage: Stage) -> None:
    """No answer to a SYN, nor to anything else."""
    for address in _sick_ones(stage):
        for node in stage.nodes:
            node.room.swallow(address)


def address_hangs_in_tls(stage: Stage) -> None:
    for address in _sick_ones(stage):
        stage.api.ills.sick[address] = Sickness.TLS_HANGS
    _perhaps_reconnect(stage)


def addresses_never_answer(stage: Stage) -> None:
    for address in _sick_ones(stage):
        stage.api.ills.sick[address] = Sickness.NO_ANSWER


def one_address_never_answers(stage: Stage) -> None:
    stage.api.ills.sick[stage.rng.choice(ADDRESSES)] = Sickness.NO_ANSWER


FAULTS: Final[Mapping[str, Fault]] = {
    fault.__name__: fault
    for fault in (
        unavailable, assign_fails, locked, conflict, slow, hangs, mute, writes_are_lost,
        some_writes_are_lost, reads_lag, reads_of_one_lag, actions_take_time, actions_fail, away,
        connections_reset, quota_gone, moved_away, killed, restarted, frozen, reloaded,
        descriptors_gone, state_folder_gone, runtime_folder_gone, state_spoiled, metadata_lies,
        servers_lie, first_nameserver_dead, nameservers_dead, nameservers_slow, nameservers_fail,
        nameservers_lie, nameservers_change, nameservers_gone, address_swallowed,
        address_hangs_in_tls, addresses_never_answer, one_address_never_answers,
    )
}  # fmt: skip
LASTING: Final = (
    first_nameserver_dead, nameservers_change, address_swallowed, address_hangs_in_tls,
    one_address_never_answers,
)  # fmt: skip
"""With these the API can be reached in time: they may outlast the healing, and nothing is excused.

Each address that takes requests and answers none costs a call's whole time (5 s), so there is one.
"""
