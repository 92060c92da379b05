"""The commands of a story: what happens to a core, its keepalived and its cloud."""

import inspect
from dataclasses import dataclass, field, replace
from typing import Final

from hakeeper.adapters.decision_texts import decision_text
from hakeeper.adapters.hetzner.errors import for_effect
from hakeeper.adapters.problem_texts import told
from hakeeper.core import calls, events
from hakeeper.core.model import Pause
from hakeeper.kinds.label_selector import note_of
from tests.core.cloud import Ending
from tests.core.driver import PROCESS, WEB, Node, World
from tests.support.resources import CLOUD
from tests.transcripts.vocabulary import (
    CODES,
    PIPE,
    REQUESTS,
    StoryError,
    lines_of,
    number_of,
    pick,
    roles_of,
    seen_of,
    server_of,
    settings_of,
)


@dataclass(slots=True)
class Scene:
    """A cloud with `web` at node2, and this server, node1. The public methods are commands."""

    world: World = field(default_factory=World)
    ids: dict[str, int] = field(default_factory=lambda: {"web": WEB})
    node: Node = field(init=False)
    """The one that the command is about: the first, or that of `node2: …`."""
    shown: list[str] = field(default_factory=list)
    """What the command shows beside what the core does."""
    is_brief: bool = False
    """Whether how it stands afterwards is enough of an account."""

    def __post_init__(self) -> None:
        self.world.cloud.nature.latency_s = self.world.pier.nature.latency_s = 0.1
        self.world.cloud.add_server(2)
        self.world.cloud.add_ip(WEB, "web", "203.0.113.10/32", 2)
        self.node = self.world.add_node(1, settings_of(()))

    # --- time and this server -----------------------------------------------------------------

    def run(self, seconds: str) -> None:
        """Let time go on."""
        self.world.run_for(number_of(seconds))

    def start(self, *words: str) -> None:
        """Start hakeeper; again: kill it, and start it with what it had saved.

        The words are those of `reload`, a state of the FIFO, and `alone`: no keepalived runs. After
        a `|` come the lines that wait in the FIFO, as in `fifo`.
        """
        node, (said, *backlog) = self.node, " ".join(words).split("|")
        words = tuple(said.split())
        if any("=" in word for word in words) or node.runs == 1:
            node.config = settings_of(words)
        for call in node.open_calls():
            call.done = True
        node._new_core()
        node.feed(
            events.Started(
                saved=node.saved,
                keepalived=None if "alone" in words else PROCESS,
                pause=node.pause,
            ),
            *([] if node.private is None else [seen_of(node.private)]),
            PIPE[next((word for word in words if word in PIPE), "open")],
            *([lines_of(backlog, live=False)] if backlog else []),
        )

    def begin(self, role: str, *words: str) -> None:
        """Start, and be MASTER with `web` here, or BACKUP, for a minute; only the end is told."""
        self.is_brief = True
        if role == "MASTER":
            self.move("web", f"node{self.node.server_id}")
        self.start(*words)
        self.fifo("INSTANCE", '"VI_1"', role, "100")
        self.run("61")

    def reload(self, *words: str) -> None:
        """Reload: `VI_1=web,mail`, its vrrp_address as `VI_1@10.0.0.2`, `dbus`, `dbus-only`.

        Or with `another-token`, or `refused`.
        """
        if words == ("refused",):
            self.node.feed(events.SettingsRefused("hakeeper.yaml:3:1: unknown key"))
            return
        self.node.config = settings_of(words)
        changed = (CLOUD,) if "another-token" in words else ()
        self.node.feed(events.SettingsChanged(self.node.config, apis_changed=changed))

    def pause(self, seconds: str, *reason: str) -> None:
        """Let ada, who is root, pause hakeeper for so long."""
        now, why = self.world.now, " ".join(reason)
        until_s = now + number_of(seconds)
        pause = Pause(by="ada", user_id=0, reason=why, since_s=now, until_s=until_s)
        self.node.feed(events.Paused(pause))

    def resume(self) -> None:
        """Let root end the pause."""
        self.node.feed(events.Resumed("", 0))

    def machine(self, *private: str) -> None:
        """Let this machine have these private addresses, or `nothing`."""
        here = () if private == ("nothing",) else private
        self.node.private = here
        if self.node.runs > 1:
            self.node.have(*here)

    def unsaved(self) -> None:
        """Let what was to be saved last not be on the disk."""
        saved, self.node.saved = self.node.saved, None
        if saved is None:
            raise StoryError("nothing was saved")
        self.node.feed(events.SaveFailed(saved))

    def status(self) -> None:
        """Show what `hakeeper status` tells: problems with their ways out, and the addresses."""
        picture = self.node.snapshot()
        for problem in picture.problems:
            text = told(problem.trouble)
            what = f"{text.what}: {text.cause}" if text.cause else text.what
            self.shown += [f"{problem.health.name} {problem.code}: {what}", f"  -> {text.cure}"]
        for each in (selector for role in picture.roles for selector in role.selectors):
            self.shown.append(f"{each.ref} chooses {each.count} of {each.listed}")
        for one in (address for role in picture.roles for address in role.addresses):
            decided = decision_text(one.decision, one.decision_who)
            name = f"{one.address} ({one.ref})" if one.chosen else one.ref
            self.shown.append(f"{name} at {one.holder_label}; {one.stage}; {decided}")

    # --- keepalived ---------------------------------------------------------------------------

    def fifo(self, *words: str) -> None:
        """Let keepalived write lines: `fifo INSTANCE "VI_1" MASTER 100 | …`."""
        self.node.feed(lines_of(" ".join(words).split("|"), live=True))

    def pipe(self, word: str) -> None:
        """Let the FIFO be open, replaced, missing, busy, full, unwritten or written."""
        self.node.feed(pick(PIPE, word))

    def keepalived(self, word: str) -> None:
        """Let keepalived be `gone`, or be `replaced` between two looks, or run with this pid."""
        gone = events.KeepalivedGone("its process ended", replaced=word == "replaced")
        if word == "gone":
            self.node.feed(gone)
        elif word == "replaced":
            self.node.feed(gone, events.KeepalivedSeen(replace(PROCESS, pid=PROCESS.pid + 1)))
        else:
            self.node.feed(events.KeepalivedSeen(replace(PROCESS, pid=int(number_of(word)))))

    def dbus(self, *words: str) -> None:
        """Let keepalived answer `VI_1=MASTER` from now on, or let it hang with `hangs`."""
        self.node.hangs = words == ("hangs",)
        self.node.dbus = None if self.node.hangs else roles_of(words)

    def answer(self, *words: str) -> None:
        """Answer the last question only now: `VI_1=MASTER`, or `nothing` for no such name."""
        roles = None if words == ("nothing",) else roles_of(words)
        reason = "" if roles is not None else "org.keepalived.Vrrp1 is not on the bus"
        self.node.feed(events.RolesQueried(self.node.queries[-1].query_id, roles, reason))

    # --- the cloud ----------------------------------------------------------------------------

    def ip(self, name: str, holder: str) -> None:
        """Add a floating IP to the project."""
        number = self.ids[name] = WEB + len(self.ids)
        network = f"203.0.113.{9 + len(self.ids)}/32"
        self.world.cloud.add_ip(number, name, network, server_of(holder))

    def move(self, name: str, holder: str) -> None:
        """Let somebody else move a floating IP: `move web node3`."""
        self.world.cloud.move(pick(self.ids, name), server_of(holder))

    def change(self, name: str, word: str) -> None:
        """Let a floating IP be `blocked` or `deleted`, or get another name."""
        number, found = pick(self.ids, name), self.world.cloud.resources
        if word == "deleted":
            del found[number]
        elif word == "blocked":
            found[number] = replace(found[number], blocked=True)
        else:
            found[number] = replace(found[number], name=word)

    def label(self, name: str, *labels: str) -> None:
        """Let a floating IP have these labels and no others: `label web role=web`."""
        pairs = (label.partition("=") for label in labels)
        note = note_of({key: value for key, _, value in pairs})
        number = pick(self.ids, name)
        self.world.cloud.resources[number] = replace(self.world.cloud.resources[number], note=note)

    def server(self, name: str, status: str) -> None:
        """Let a server be `running`, `off` or `deleted`."""
        server_id = server_of(name) or 0
        if status == "deleted":
            del self.world.cloud.servers[server_id]
        else:
            self.world.cloud.add_server(server_id, status)

    def berth(self, name: str, holder: str) -> None:
        """Let the ship of a server, or nobody, have a berth of the made-up kind."""
        self.world.pier.give(name, server_of(holder))

    def cloud(self, what: str, word: str) -> None:
        """Let calls, actions or news to readers take so long: `latency`, `action`, `lag`.

        Or `ends success`, `error`, `never`; `writes lost`, `kept`; `locks servers`, `addresses`.
        """
        cloud = self.world.cloud
        match what:
            case "ends":
                cloud.ending = pick({one.name.lower(): one for one in Ending}, word)
            case "writes":
                cloud.faults.lost_writes = pick({"lost": 1, "kept": 0}, word)
            case "locks":
                cloud.nature.lock_servers = pick({"servers": True, "addresses": False}, word)
            case "lag":
                cloud.faults.stale_s = [number_of(word)]
            case _:
                names = {"latency": "latency_s", "action": "action_s"}
                setattr(cloud.nature, pick(names, what), number_of(word))

    def fail(self, requests: str, code: str, *options: str) -> None:
        """Let calls fail: `fail assign locked`, and more words.

        `times=1`, `takes=5`, `retry_after=9`; `done`: it is done all the same; `pier`: that API.
        """
        pairs = (option.partition("=") for option in options)
        given = {name: number_of(value) for name, equals, value in pairs if equals}
        kinds = pick(REQUESTS, requests)
        kind = for_effect(pick(CODES, code), changes_something=kinds == (calls.Mutate,))
        wait_s = given.get("retry_after")
        why = calls.Failure(
            kind=kind, code=code, message=code.replace("_", " "), retry_after_s=wait_s
        )
        api = self.world.pier if "pier" in options else self.world.cloud
        takes_s, times = given.get("takes", 0.1), given.get("times", float("inf"))
        api.fail(why, *kinds, after_s=takes_s, times=times).commits = "done" in options

    def heal(self) -> None:
        """Let no call fail any more."""
        self.world.cloud.heal()
        self.world.pier.heal()

    def hold(self, requests: str) -> None:
        """Let such calls wait on their way to the cloud, until `release`."""
        self.node.holding = pick(REQUESTS, requests)

    def release(self, word: str = "sent") -> None:
        """Let the calls that wait be `sent`, or `cancelled` before a byte of them was."""
        ends = pick({"sent": self.node.release, "cancelled": self.node.cancel}, word)
        held, self.node.holding = self.node.open_calls(*self.node.holding), ()
        for call in held:
            ends(call)

    def quota(self, limit: str, left: str) -> None:
        """Let answers tell this quota: calls in an hour, and how many are left."""
        self.node.quota = calls.Quota(limit_per_hour=int(limit), remaining=int(left))


COMMANDS: Final = {
    name: does for name, does in vars(Scene).items() if inspect.isfunction(does) and name[0] != "_"
}


def do(scene: Scene, text: str) -> list[str]:
    """Carry out a command; return what it shows."""
    scene.node, scene.shown, scene.is_brief = scene.world.nodes[0], [], False
    first, *words = text.split()
    if first.endswith(":"):
        server_id = server_of(first[:-1]) or 0
        known = {node.server_id: node for node in scene.world.nodes}
        scene.node = known.get(server_id) or scene.world.add_node(
            server_id, settings_of(()), seed=server_id
        )
        first, *words = words or [""]
    does = pick(COMMANDS, first)
    try:
        inspect.signature(does).bind(scene, *words)
    except TypeError as error:
        raise StoryError(f"{first}: {error}") from None
    does(scene, *words)
    return scene.shown
