"""Faults made real: what each kind does to the world when it begins, and undoes when it ends."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from hakeeper.core.lines import LineState
from hakeeper.core.model import VrrpId
from hakeeper.sim.world.calls import Weather
from hakeeper.sim.world.kinds import API_WEATHER, Fault, Kind
from hakeeper.sim.world.node import Node, line_bytes, vrrp_id
from hakeeper.sim.world.pipe import Obstacle, Pipe
from hakeeper.sim.world.vrrp import VrrpState
from hakeeper.sim.world.ways import DEAF_UNTIL_S

if TYPE_CHECKING:
    from hakeeper.sim.world.world import World

ONE_SHOT = frozenset({Kind.HALF_OPEN, Kind.LATE_LANDING, Kind.DUPLICATED})
"""Weather that strikes a few calls and is over."""
STORM_LINES = 10_000
RESPAWN_S = 0.1
CLAIM_HANGS_S = 4.5
"""The longest hang in the middle of a claim: its call could still be sent."""
HELD_BACK_S = 31.0
"""After a 429 its wait of up to half a minute is heeded."""

Undo = Callable[[], None]


def _nothing() -> None:
    """Undo what has no end."""


class Injector:
    """Begins and ends faults; every node knows how many things are wrong with it."""

    def __init__(self, world: "World") -> None:
        """Strike this world."""
        self.world = world
        self._running: dict[int, tuple[Fault, Undo]] = {}
        self._do: dict[Kind, Callable[[Fault, Node], Undo]] = {
            Kind.QUOTA_EATEN: self._eat_quota,
            Kind.ACTION_ERROR: self._action_error,
            Kind.ACTION_SLOW: self._action_slow,
            Kind.ACTION_ENDLESS: self._action_endless,
            Kind.STALE_READ: self._stale,
            Kind.GONE: self._gone,
            Kind.OTHER_ACTOR: self._other_actor,
            Kind.PAGE_SLIP: self._slip,
            Kind.GARBAGE: self._garbage,
            Kind.HALF_LINE: self._half_line,
            Kind.LONG_LINE: self._long_line,
            Kind.OVERFLOW: self._overflow,
            Kind.BACKLOG: self._backlog,
            Kind.FIFO_REPLACED: self._replace,
            Kind.NOT_A_FIFO: lambda f, n: self._obstruct(f, n, Obstacle.FILE),
            Kind.FIFO_MISSING: lambda f, n: self._obstruct(f, n, Obstacle.MISSING),
            Kind.FIFO_DENIED: lambda f, n: self._obstruct(f, n, Obstacle.DENIED),
            Kind.STOLEN_LINES: self._steal,
            Kind.UNKNOWN_NAMES: self._unknown_names,
            Kind.REPEATED_LINES: self._repeat_lines,
            Kind.STRAY_LINES: self._stray,
            Kind.LINE_STORM: self._storm,
            Kind.CRASH: self._crash,
            Kind.HANG: lambda f, n: (
                self._hang(f, n) if f.value < 0.5 else self._hang_in_a_claim(f, n)  # noqa: PLR2004
            ),
            Kind.DISK_FULL: self._disk_full,
            Kind.STATE_TORN: self._tear_state,
            Kind.STATE_OLD: self._age_state,
            Kind.CLOCK_JUMP: self._jump,
            Kind.RESTART: self._restart,
            Kind.RELOAD: self._reload,
            Kind.POWER_CUT: self._power_cut,
            Kind.FAILOVER: self._failover,
            Kind.FLAP: self._flap,
            Kind.SPLIT: self._split,
            Kind.ONE_WAY: self._one_way,
            Kind.NOBODY: self._nobody,
            Kind.KEEPALIVED_KILLED: self._kill_keepalived,
            Kind.CHILD_CRASH: self._crash_child,
            Kind.KEEPALIVED_FROZEN: self._freeze_keepalived,
            Kind.PRIORITY: self._priority,
            Kind.KEEPALIVED_RELOAD: self._keepalived_reload,
            Kind.BROKEN_RELOAD: self._broken_reload,
            Kind.NO_ADDRESS: self._no_address,
        }

    # --- beginning and ending ------------------------------------------------------------------

    def begin(self, fault: Fault) -> None:
        """Let it begin, and end when its time has come."""
        world = self.world
        node = world.nodes[fault.node or 0]
        where = "" if fault.node is None else f" at node {fault.node + 1}"
        world.tell(f"FAULT {fault.serial}: {fault.kind.value}{where} for {fault.lasts_s:.2f} s")
        world.watch.injected(fault.kind)
        weather = fault.kind in API_WEATHER
        undo = self._begin_weather(fault) if weather else self._do[fault.kind](fault, node)
        if fault.lasts_s > 0.0:
            self._running[fault.serial] = (fault, undo)
            self._trouble(fault, 1)
            world.agenda.after(fault.lasts_s, self.end, fault.serial)
        else:
            undo()
        world.watch.assess()

    def end(self, serial: int) -> None:
        """End it, unless it was ended before."""
        running = self._running.pop(serial, None)
        if running is None:
            return
        fault, undo = running
        self.world.tell(f"fault {serial} ends: {fault.kind.value}")
        undo()
        if fault.kind is Kind.THROTTLED:  # its last word is heeded for a while yet
            longer_s = max(0.0, self.world.plan.shape.standby_interval_s - 60.0)
            self.world.agenda.after(HELD_BACK_S + longer_s, self._trouble_over, fault)
        else:
            self._trouble(fault, -1)
        self.world.watch.assess()

    def heal(self) -> None:
        """End everything at once."""
        self.world.tell("all faults end")
        for serial in list(self._running):
            self.end(serial)
        for node in self.world.nodes:
            node.crash_in = None
            if not isinstance(node.place.at_path, Pipe):
                node.place.at_path = Pipe()
                self._reopen(node)

    def restart_what_is_in_the_dark(self) -> None:
        """Do what an operator does where a hakeeper without D-Bus cannot know its role."""
        for node in self.world.nodes:
            if self.world.watch.in_the_dark(node):
                self.world.tell(f"node {node.index + 1}: the operator restarts keepalived")
                self.stop_keepalived(node)
                self.start_keepalived(node)

    def _trouble(self, fault: Fault, change: int) -> None:
        self.world.watch.trouble(fault, change)

    def _trouble_over(self, fault: Fault) -> None:
        self._trouble(fault, -1)
        self.world.watch.assess()

    # --- the API -------------------------------------------------------------------------------

    def _begin_weather(self, fault: Fault) -> Undo:
        rng = Random(f"{self.world.plan.seed}-fault-{fault.serial}")
        weather = Weather(fault.kind, fault.node, fault.value, rng)
        if fault.kind in ONE_SHOT:
            weather.times = 1.0 + int(fault.value * 3)
        elif fault.kind is not Kind.OUTAGE and fault.value < 0.5:  # noqa: PLR2004
            weather.share = 0.5
        self.world.weather.append(weather)
        return lambda: self.world.weather.remove(weather)

    def _eat_quota(self, fault: Fault, node: Node) -> Undo:
        del node
        self.world.cloud.take_token(self.world.now)
        self.world.cloud.eat(0.9 + 0.1 * fault.value)
        return _nothing

    def _action_error(self, fault: Fault, node: Node) -> Undo:
        del fault, node
        upsets = self.world.cloud.upsets
        upsets.action_errors += 1

        def undo() -> None:
            upsets.action_errors -= 1

        return undo

    def _action_slow(self, fault: Fault, node: Node) -> Undo:
        del node
        upsets, takes_s = self.world.cloud.upsets, 1.0 + 60.0 * fault.value**3
        upsets.action_s.append(takes_s)

        def fade() -> None:
            upsets.echoes -= 1
            self.world.watch.assess()

        def undo() -> None:
            upsets.action_s.remove(takes_s)
            upsets.echoes += 1
            self.world.agenda.after(takes_s, fade)

        return undo

    def _action_endless(self, fault: Fault, node: Node) -> Undo:
        del fault, node
        cloud = self.world.cloud
        cloud.upsets.endless_actions += 1

        def undo() -> None:
            cloud.upsets.endless_actions -= 1
            cloud.end_endless(self.world.now)

        return undo

    def _stale(self, fault: Fault, node: Node) -> Undo:
        del node
        upsets, stale_s = self.world.cloud.upsets, 30.0 * fault.value**2
        upsets.stale_s.append(stale_s)
        return lambda: upsets.stale_s.remove(stale_s)

    def _gone(self, fault: Fault, node: Node) -> Undo:
        del node
        upsets, number = self.world.cloud.upsets, self._some_address(fault)
        upsets.gone.append(number)
        return lambda: upsets.gone.remove(number)

    def _slip(self, fault: Fault, node: Node) -> Undo:
        del node
        upsets, number = self.world.cloud.upsets, self._some_address(fault)
        upsets.slipped.append(number)
        return lambda: upsets.slipped.remove(number)

    def _some_address(self, fault: Fault) -> int:
        numbers = [n for numbers in self.world.addresses.values() for n in numbers]
        return numbers[int(fault.value * len(numbers))]

    def _other_actor(self, fault: Fault, node: Node) -> Undo:
        del node
        owners = [None, *self.world.cloud.servers]
        owner = owners[fault.serial % len(owners)]
        self.world.cloud.move(self._some_address(fault), owner, self.world.now, "another actor")
        return _nothing

    # --- the FIFO ------------------------------------------------------------------------------

    def _garbage(self, fault: Fault, node: Node) -> Undo:
        rng = Random(f"{self.world.plan.seed}-fault-{fault.serial}")
        node.write(bytes(rng.randrange(256) for _ in range(1 + int(fault.value * 200))) + b"\n")
        return _nothing

    def _half_line(self, fault: Fault, node: Node) -> Undo:
        """A line that is cut for ever; keepalived writes whole lines, so it is another's."""
        name = self.world.names_at(node.index)[0]
        line = line_bytes(name, LineState.MASTER, 100, group=self.world.part_of[name].group)
        cut = 1 + int(fault.value * (line.rindex(b" ") - 1))
        node.write(line[:cut] + b"\n")
        return _nothing

    def _long_line(self, fault: Fault, node: Node) -> Undo:
        node.write(b"x" * (4097 + int(fault.value * 20_000)) + b"\n")
        return _nothing

    def _overflow(self, fault: Fault, node: Node) -> Undo:
        """Let hakeeper hang, and fill the pipe; keepalived's own lines are lost."""
        undo = self._hang(fault, node)
        pipe = node.keepalived.writes_to
        if pipe is not None:
            room_bytes = pipe.capacity_bytes - len(pipe.data)
            pipe.data += b"#\n" * (room_bytes // 2)
            node.write(b"#\n")
        return undo

    def _backlog(self, fault: Fault, node: Node) -> Undo:
        """Keep hakeeper down while keepalived goes up and down."""
        node.down_until = self.world.now + fault.lasts_s
        node.kill()
        return self._flap(fault, node)

    def _replace(self, fault: Fault, node: Node) -> Undo:
        """Another FIFO lies at the path; keepalived writes there after its next reload only."""
        node.place.at_path = Pipe()
        node.look_soon()
        if fault.value < 0.7:  # noqa: PLR2004
            self.world.agenda.after(0.02, self._reload_keepalived, node)
        return _nothing

    def _obstruct(self, fault: Fault, node: Node, obstacle: Obstacle) -> Undo:
        before = node.place.at_path
        node.place.at_path = obstacle
        node.look_soon()
        if fault.value < 0.3:  # noqa: PLR2004
            self._reload_keepalived(node)

        def undo() -> None:
            if node.place.at_path is obstacle:
                back = isinstance(before, Pipe) and obstacle is Obstacle.DENIED
                node.place.at_path = before if back else Pipe()
                self._reopen(node)

        return undo

    def _reopen(self, node: Node) -> None:
        """A FIFO is there again, and keepalived was told to open it."""
        node.look_soon()
        self._reload_keepalived(node)

    def _steal(self, fault: Fault, node: Node) -> Undo:
        """Another reader takes what waits: of a flap that happens in this moment."""
        del fault
        for name in self.world.names_at(node.index):
            self.world.watch.mislead(node, name)
        pipe = node.keepalived.writes_to
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].check(node.index, 1)
        if pipe is not None:
            pipe.data.clear()
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].check(node.index, -1)
        return _nothing

    def _unknown_names(self, fault: Fault, node: Node) -> Undo:
        for number in range(1 + int(fault.value * 80)):
            node.write(f'INSTANCE "VI X{fault.serial}-{number}" MASTER 100\n'.encode())
        return _nothing

    def _repeat_lines(self, fault: Fault, node: Node) -> Undo:
        """The state that keepalived is in, said again and again; MASTER never is, but may."""
        for name in self.world.names_at(node.index):
            state = self.world.vrrp[name].routers[node.index].state
            if state is not VrrpState.OFF:
                word = LineState(state.name)
                line = line_bytes(name, word, 100, group=self.world.part_of[name].group)
                node.write(line * (1 + int(fault.value * 5)))
        return _nothing

    def _stray(self, fault: Fault, node: Node) -> Undo:
        """Somebody writes what is not true: a word, or up to three."""
        name = self.world.names_at(node.index)[0]
        words = list(LineState)
        first, more = int(fault.value * len(words)), fault.serial // 3
        chosen = (first, more % len(words), more // len(words) % len(words))
        for number in chosen[: 1 + fault.serial % 3]:
            group = self.world.part_of[name].group
            if node.write(line_bytes(name, words[number], 100, group=group)):
                self.world.watch.mislead(node, name)
        return _nothing

    def _storm(self, fault: Fault, node: Node) -> Undo:
        """Up to ten thousand lines at once; the last of them are the truth."""
        for name in self.world.names_at(node.index):
            group = self.world.part_of[name].group
            state = self.world.vrrp[name].routers[node.index].state
            if state is VrrpState.OFF or node.keepalived.writes_to is None:
                continue
            lines = line_bytes(name, LineState.BACKUP, 100, group=group)
            lines += line_bytes(name, LineState.MASTER, 100, group=group)
            lines *= int(STORM_LINES * max(0.01, fault.value**4) / 2)
            lines += line_bytes(name, LineState(state.name), 100, group=group)
            node.write(lines)
        return _nothing

    # --- processes and hosts -------------------------------------------------------------------

    def _crash(self, fault: Fault, node: Node) -> Undo:
        """Plan a kill -9 at one of the next boundaries; a line is on its way for some of them."""
        if node.run is None:
            return _nothing
        node.crash_in = int(fault.value * 24)
        if fault.value < 0.6:  # noqa: PLR2004
            for name in self.world.names_at(node.index):
                self.world.vrrp[name].check(node.index, 1)
                self.world.vrrp[name].check(node.index, -1)
        return _nothing

    def _hang(self, fault: Fault, node: Node) -> Undo:
        del fault
        node.hang()
        return node.thaw

    def _hang_in_a_claim(self, fault: Fault, node: Node) -> Undo:
        """SIGSTOP just before an assign goes out, and a demotion while it lasts."""
        hung = False

        def strike() -> None:
            nonlocal hung
            if fault.serial in self._running:
                hung = True
                node.hang()
                self._check(node, 1)
                self.world.agenda.after(CLAIM_HANGS_S * fault.value, release)

        def release() -> None:
            nonlocal hung
            if hung:
                hung = False
                node.thaw()
                self._check(node, -1)

        def undo() -> None:
            node.before_assign = None
            release()

        node.before_assign = strike
        self._check(node, 1)
        self._check(node, -1)
        return undo

    def _disk_full(self, fault: Fault, node: Node) -> Undo:
        """Nothing can be written; half of the times there is something to write."""
        node.disk_full += 1
        if fault.value < 0.5:  # noqa: PLR2004
            self._check(node, 1)
            self._check(node, -1)

        def undo() -> None:
            node.disk_full -= 1
            self.world.watch.meddled(node)  # until the next save, at most a second later

        return undo

    def _tear_state(self, fault: Fault, node: Node) -> Undo:
        node.disk, node.tampered = None, True
        self.world.watch.meddled(node)
        if fault.value < 0.5:  # noqa: PLR2004
            node.kill()
        return _nothing

    def _age_state(self, fault: Fault, node: Node) -> Undo:
        """The file is an older one, as after a restored backup."""
        del fault
        node.disk, node.tampered = node.older_disk, True
        self.world.watch.meddled(node)
        for name in self.world.names_at(node.index):
            self.world.watch.mislead(node, name)
        node.kill()
        return _nothing

    def _jump(self, fault: Fault, node: Node) -> Undo:
        """The machine was moved: its clock is suddenly later."""
        by_s = 0.1 * 1200.0**fault.value
        node.ahead_s += by_s
        node.jumped_at = self.world.now
        if node.run is not None:
            node.run.caller.shorten(by_s)
            node.run.caller.clock_jumped()
            node.retime()
        return _nothing

    def _restart(self, fault: Fault, node: Node) -> Undo:
        """SIGTERM, and up again; sometimes again and again."""
        node.kill()
        for again in range(int(fault.value * 3)):
            self.world.agenda.after(2.0 * (again + 1), node.kill)
        return _nothing

    def _reload(self, fault: Fault, node: Node) -> Undo:
        """A configuration without its last instance or address, and back again later."""
        whole = node.settings
        names = list(whole.addresses.items())
        if fault.value < 0.4:  # noqa: PLR2004
            changed: dict[VrrpId, tuple[object, ...]] = dict(names[:-1])
            changed[vrrp_id("VI_other", group=False)] = ()
        else:
            changed = {name: refs[:-1] for name, refs in names}
        settings = replace(whole, addresses=changed)  # type: ignore[arg-type]  # parts of it
        if not self.world.plan.shape.dbus:  # a name that comes back has no role without a line
            settings = whole
        node.reload(settings, api_changed=fault.value < 0.2)  # noqa: PLR2004
        return lambda: node.reload(self.world.settings_of(node), api_changed=False)

    def _power_cut(self, fault: Fault, node: Node) -> Undo:
        del fault
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].kill(node.index)
        node.cut_power()
        self.world.cloud.set_status(node.server_id, "off")

        def undo() -> None:
            if node.power:
                return
            node.power = True
            self.world.cloud.set_status(node.server_id, "running")
            self.world.agenda.after(0.5, node.start)
            self.world.agenda.after(1.0, self.start_keepalived, node)

        return undo

    # --- VRRP ----------------------------------------------------------------------------------

    def start_keepalived(self, node: Node) -> None:
        """Start keepalived on a node, if it is off and the machine is on."""
        if node.keepalived.process is not None or not node.power:
            return
        node.start_keepalived()
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].start(node.index)

    def stop_keepalived(self, node: Node) -> None:
        """Stop keepalived in order; its STOP lines come before its end."""
        if node.keepalived.process is None:
            return
        if node.keepalived.frozen:
            self._kill(node)
            return
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].stop(node.index)
        node.end_keepalived()

    def _kill(self, node: Node) -> None:
        for name in self.world.names_at(node.index):
            if node.hung:  # its words wait in the pipe, and nobody was there to see it end
                self.world.watch.mislead(node, name)
            self.world.vrrp[name].kill(node.index)
        node.end_keepalived()
        self.world.watch.assess()

    def _failover(self, fault: Fault, node: Node) -> Undo:
        del fault
        self.stop_keepalived(node)
        return lambda: self.start_keepalived(node)

    def _kill_keepalived(self, fault: Fault, node: Node) -> Undo:
        del fault
        if node.keepalived.process is not None:
            self._kill(node)
        return lambda: self.start_keepalived(node)

    def _crash_child(self, fault: Fault, node: Node) -> Undo:
        """The VRRP child dies; its parent starts another one at once."""
        del fault
        if node.keepalived.process is not None:
            self._kill(node)
            self.world.agenda.after(RESPAWN_S, self.start_keepalived, node)
        return _nothing

    def _freeze_keepalived(self, fault: Fault, node: Node) -> Undo:
        del fault
        if node.keepalived.process is None or node.keepalived.frozen:
            return _nothing
        process = node.keepalived.process
        self._set_frozen(node, frozen=True)

        def undo() -> None:
            if node.keepalived.process == process:
                self._set_frozen(node, frozen=False)

        return undo

    def _set_frozen(self, node: Node, *, frozen: bool) -> None:
        node.keepalived.frozen = frozen
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].freeze(node.index, frozen=frozen)
        self.world.watch.stood_still(node)

    def _check(self, node: Node, change: int) -> None:
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].check(node.index, change)

    def _flap(self, fault: Fault, node: Node) -> Undo:
        """The track script fails and recovers, 0.1 to 10 times a second."""
        period_s = 0.1 * 100.0**fault.value
        broken = 0

        def turn() -> None:
            nonlocal broken
            if fault.serial in self._running:
                self._check(node, 1 if broken == 0 else -1)
                broken = 1 - broken
                self.world.agenda.after(period_s / 2, turn)

        self.world.agenda.after(0.0, turn)

        def undo() -> None:
            nonlocal broken
            if broken:
                self._check(node, -1)
                broken = 0

        return undo

    def _split(self, fault: Fault, node: Node) -> Undo:
        """One node and all others of its cluster do not hear each other."""
        others = [o.index for o in self._neighbours(node)]
        pairs = [(node.index, o) for o in others] + [(o, node.index) for o in others]
        del fault
        return self._cut(pairs)

    def _one_way(self, fault: Fault, node: Node) -> Undo:
        others = [o.index for o in self._neighbours(node)]
        if not others:
            return _nothing
        other = others[fault.other % len(others)]
        return self._cut([(node.index, other)])

    def _neighbours(self, node: Node) -> list[Node]:
        return [self.world.nodes[i] for i in self.world.members(node.index) if i != node.index]

    def _cut(self, pairs: list[tuple[int, int]]) -> Undo:
        cuts = self.world.cuts
        for pair in pairs:
            cuts[pair] = cuts.get(pair, 0) + 1
        self._refresh(pairs)

        def undo() -> None:
            for pair in pairs:
                cuts[pair] -= 1
            self._refresh(pairs)

        return undo

    def _refresh(self, pairs: list[tuple[int, int]]) -> None:
        if pairs:
            for name in self.world.names_at(pairs[0][0]):
                self.world.vrrp[name].refresh()

    def _nobody(self, fault: Fault, node: Node) -> Undo:
        """What all of them check is broken: no MASTER anywhere."""
        del fault
        everybody = [self.world.nodes[i] for i in self.world.members(node.index)]
        for each in everybody:
            self._check(each, 1)

        def undo() -> None:
            for each in everybody:
                self._check(each, -1)

        return undo

    def _priority(self, fault: Fault, node: Node) -> Undo:
        name = self.world.names_at(node.index)[0]
        vrrp = self.world.vrrp[name]
        before = vrrp.routers[node.index].priority
        lowered = max(1, before - 10 - int(fault.value * 80))
        tell = fault.serial % 2 == 0
        if before < 100:  # noqa: PLR2004 - already lowered by another fault
            return _nothing
        vrrp.reprioritize(node.index, lowered, tell=tell)
        return lambda: vrrp.reprioritize(node.index, before, tell=tell)

    def _reload_keepalived(self, node: Node) -> None:
        """SIGHUP: the FIFO is opened again; who is not MASTER says so, if so configured."""
        if node.keepalived.process is None or node.keepalived.frozen:
            return
        node.open_fifo_for_writing()
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].repeat(node.index)

    def _keepalived_reload(self, fault: Fault, node: Node) -> Undo:
        """SIGHUP; in half of the cases of a keepalived that made its FIFO itself: another one."""
        if node.keepalived.process is None or node.keepalived.frozen:
            return _nothing
        if fault.value < 0.5 and isinstance(node.place.at_path, Pipe):  # noqa: PLR2004
            node.place.at_path = Pipe()
            node.look_soon()
        self._reload_keepalived(node)
        return _nothing

    def _broken_reload(self, fault: Fault, node: Node) -> Undo:
        """A broken configuration ends keepalived without a line; its addresses stay."""
        return self._kill_keepalived(fault, node)

    def _no_address(self, fault: Fault, node: Node) -> Undo:
        """The private address is missing: it hears nobody, and newer keepalived says MASTER."""
        del fault
        self._plug(node, 1)
        return lambda: self._plug(node, -1)

    def _plug(self, node: Node, change: int) -> None:
        node.unplugged += change
        node.look_soon()
        for name in self.world.names_at(node.index):
            self.world.vrrp[name].unplug(node.index, deaf=node.unplugged > 0)
        self.world.agenda.after(DEAF_UNTIL_S + 0.1, self.world.watch.assess)
