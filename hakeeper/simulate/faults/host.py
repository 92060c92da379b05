"""Faults of the hakeeper process and of its host: crashes, hangs, disk, clock, power."""

from dataclasses import dataclass, replace

from hakeeper.core.calls import Identified
from hakeeper.core.events import Taken
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import ResourceRef
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.calls import CallStep
from hakeeper.simulate.cloud import NOT_FOUND
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.action import Lasts, Table, Undo, nothing
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.keepalived import vrrp_id
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.robot_cloud import RobotCloud

CLAIM_HANGS_S = 4.5
"""The longest hang in the middle of a claim: its call could still be sent."""


BY_ITSELF = 0.5
"""Below this value a pause or a step-down ends when its time is over, above it by hand."""


@dataclass(frozen=True, slots=True)
class HostFaults:
    """What each kind does to a node."""

    agenda: Agenda
    clouds: Clouds
    observers: Observer
    lasts: Lasts

    def table(self) -> Table:
        """Return what to do for each kind."""
        return {
            Kind.CRASH: self._crash,
            Kind.HANG: self._hang_somewhere,
            Kind.HANG_IN_CALL: self._hang_in_a_call,
            Kind.BUS_GONE: self._take_bus,
            Kind.WRONG_METADATA: self._wrong_identity,
            Kind.DISK_FULL: self._disk_full,
            Kind.STATE_TORN: self._tear_state,
            Kind.STATE_OLD: self._age_state,
            Kind.CLOCK_JUMP: self._jump,
            Kind.RESTART: self._restart,
            Kind.RELOAD: self._reload,
            Kind.POWER_CUT: self._power_cut,
            Kind.PAUSE: self._pause,
            Kind.STEP_DOWN: self._step_down,
            Kind.TAKE: self._take,
            Kind.NO_MAIN_IP: self._lose_main_ip,
        }

    def _crash(self, fault: Fault, node: Node) -> Undo:
        """Plan a kill -9 at one of the next boundaries; a line is on its way for some of them."""
        if node.run is None:
            return nothing
        node.crash_in = int(fault.value * 24)
        if fault.value < 0.6:  # noqa: PLR2004
            for vrrp in node.vrrp.values():
                vrrp.check(node.index, 1)
                vrrp.check(node.index, -1)
        return nothing

    def hang(self, fault: Fault, node: Node) -> Undo:
        """SIGSTOP, wherever it is."""
        del fault
        node.hang()
        return node.thaw

    def _hang_somewhere(self, fault: Fault, node: Node) -> Undo:
        by_chance = fault.value < 0.5  # noqa: PLR2004
        if by_chance:
            return self.hang(fault, node)
        return self._hang_in_a_claim(fault, node, CallStep.BEGUN)

    def _hang_in_a_call(self, fault: Fault, node: Node) -> Undo:
        """SIGSTOP at one of the steps of an assign."""
        return self._hang_in_a_claim(fault, node, fault.one_of(list(CallStep)))

    def _hang_in_a_claim(self, fault: Fault, node: Node, step: CallStep) -> Undo:
        """SIGSTOP at a step of the next assign, and a demotion while it lasts."""
        hung = False

        def strike() -> None:
            nonlocal hung
            if self.lasts(fault):
                hung = True
                node.hang()
                node.keepalived.check(1)
                self.agenda.after(CLAIM_HANGS_S * fault.value, release)

        def release() -> None:
            nonlocal hung
            if hung:
                hung = False
                node.thaw()
                node.keepalived.check(-1)

        def undo() -> None:
            if node.at_assign_step.get(step) is strike:
                del node.at_assign_step[step]
            release()

        node.at_assign_step[step] = strike
        node.keepalived.check(1)
        node.keepalived.check(-1)
        return undo

    def _take_bus(self, fault: Fault, node: Node) -> Undo:
        """The D-Bus daemon is gone: every question fails at once."""
        del fault
        node.bus_gone += 1
        self.observers.paused(node)

        def undo() -> None:
            node.bus_gone -= 1
            node.keepalived.silent_from_s = self.agenda.now
            self.observers.paused(node)

        return undo

    def _wrong_identity(self, fault: Fault, node: Node) -> Undo:
        """Hakeeper starts, and metadata or the list of servers speak of another machine, or none.

        The shipped adapter compares addresses, and says that it is not here.
        """
        others = [each for each in self.clouds.servers.values() if each.id != node.server_id]
        other = others[fault.other % len(others)]
        other_machine = Identified(other, "the metadata service", is_here=False)
        told = other_machine if fault.value < 0.7 else NOT_FOUND  # noqa: PLR2004
        node.wrong_identities.append(told)
        node.kill()
        return lambda: node.wrong_identities.remove(told)

    def _lose_main_ip(self, fault: Fault, node: Node) -> Undo:
        """Hakeeper starts, and the machine sends from an address that is not its main IP."""
        del fault
        robots = [twin for twin in self.clouds.twins.values() if isinstance(twin, RobotCloud)]
        undo = robots[0].lose_main_ip(node.server_id)
        node.kill()
        return undo

    def _disk_full(self, fault: Fault, node: Node) -> Undo:
        """Nothing can be written; half of the times there is something to write."""
        node.disk.full += 1
        if fault.value < 0.5:  # noqa: PLR2004
            node.keepalived.check(1)
            node.keepalived.check(-1)

        def undo() -> None:
            node.disk.full -= 1

        return undo

    def _tear_state(self, fault: Fault, node: Node) -> Undo:
        node.disk.tear()
        if fault.value < 0.5:  # noqa: PLR2004
            node.kill()
        return nothing

    def _age_state(self, fault: Fault, node: Node) -> Undo:
        """The file is an older one, as after a restored backup."""
        del fault
        node.disk.restore()
        node.lose_lines()
        node.kill()
        return nothing

    def _jump(self, fault: Fault, node: Node) -> Undo:
        """The machine was moved: its clock is suddenly later."""
        by_s = 0.1 * 1200.0**fault.value
        node.ahead_s += by_s
        node.jumped_at = self.agenda.now
        if node.run is not None:
            node.run.caller.shorten(by_s)
            node.run.caller.clock_jumped()
            node.turns.retime()
        node.pauses.look()
        return nothing

    def _restart(self, fault: Fault, node: Node) -> Undo:
        """SIGTERM, and up again; sometimes again and again."""
        node.kill()
        for again in range(int(fault.value * 3)):
            self.agenda.after(2.0 * (again + 1), node.kill)
        return nothing

    def _reload(self, fault: Fault, node: Node) -> Undo:
        """A configuration without its last instance or address, and back again later."""
        whole = node.settings
        names = list(whole.resources.items())
        if fault.value < 0.4:  # noqa: PLR2004
            changed: dict[VrrpId, tuple[ResourceRef, ...]] = dict(names[:-1])
            changed[vrrp_id("VI_other", group=False)] = ()
        else:
            changed = {name: refs[:-1] for name, refs in names}
        settings = replace(whole, resources=changed)
        node.reload(settings, api_changed=fault.value < 0.2)  # noqa: PLR2004
        return lambda: node.reload(node.whole_settings, api_changed=False)

    def _pause(self, fault: Fault, node: Node) -> Undo:
        """An operator pauses hakeeper; ends it by hand, or lets it end by itself at that time.

        Often keepalived becomes MASTER anew, before or after: there is something to move then.
        """
        by_itself = fault.value < BY_ITSELF
        for_s = fault.lasts_s if by_itself else 2.0 * fault.lasts_s

        def strike() -> None:
            self.agenda.after(0.0, node.pauses.begin, for_s)

        def undo() -> None:
            if node.at_assign_step.get(CallStep.SHAKING_HANDS) is strike:
                del node.at_assign_step[CallStep.SHAKING_HANDS]
            self.agenda.after(2.0 if by_itself else 0.0, node.pauses.end)

        if fault.value % 0.2 < 0.1:  # noqa: PLR2004  # while an assign waits to be sent
            node.at_assign_step[CallStep.SHAKING_HANDS] = strike
        else:
            node.pauses.begin(for_s)
        node.keepalived.check(1)
        node.keepalived.check(-1)
        return undo

    def _step_down(self, fault: Fault, node: Node) -> Undo:
        """An operator has a node step down; ends it by hand, or lets it end by itself."""
        by_itself = fault.value < BY_ITSELF
        node.step_downs.begin(fault.lasts_s if by_itself else 2.0 * fault.lasts_s)

        def undo() -> None:
            self.agenda.after(2.0 if by_itself else 0.0, node.step_downs.end)

        return undo

    def _take(self, fault: Fault, node: Node) -> Undo:
        """An operator has all claimed that is not here, master or not, perhaps again and again."""
        for turn in range(fault.one_of((1, 1, 1, 5))):
            self.agenda.after(turn * fault.value, self._ask_for_all, node)
        return nothing

    def _ask_for_all(self, node: Node) -> None:
        if node.run is not None:
            node.ask(Taken(vrrp=None, address="", by="", user_id=0))

    def _power_cut(self, fault: Fault, node: Node) -> Undo:
        del fault
        node.cut_power()
        self.clouds.set_status(node.server_id, "off")

        def undo() -> None:
            if node.power:
                return
            node.power = True
            self.clouds.set_status(node.server_id, "running")
            self.agenda.after(0.5, node.start)
            self.agenda.after(1.0, node.keepalived.start)

        return undo
