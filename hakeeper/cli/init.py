"""`hakeeper init`: sets this server up, and says what to run on the other one."""

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.configfile import ConfigUnreadable
from hakeeper.adapters.control_client import ControlError, NotRunning, ask
from hakeeper.adapters.token import SERVICE_TOKEN, VARIABLE, SecretUnusable, Token
from hakeeper.cli import init_text, status
from hakeeper.cli.init_questions import (
    INSTANCE,
    INTERFACE,
    PRIORITIES,
    ROUTER_IDS,
    answer,
    ipv4,
    matching,
    token_of,
    wishes_of,
    within,
)
from hakeeper.cli.options import add_config, add_socket, default_state_file
from hakeeper.cli.say import complain_in_lines
from hakeeper.config import Config, ConfigErrors, parse
from hakeeper.printable import printable
from hakeeper.setup import template
from hakeeper.setup.errors import SetupError
from hakeeper.setup.files import put_in_place
from hakeeper.setup.known import Places, There, Wishes
from hakeeper.setup.look_here import conf_in_force, look_here, running_keepalived
from hakeeper.setup.look_there import look_there
from hakeeper.setup.plan import Plan, make_plan
from hakeeper.setup.services import Step, is_active, put_into_force, steps
from hakeeper.setup.trial import Means, judge_plan

PATIENCE_S: Final = 30.0
"""How long the new master may take; hakeeper reports a keepalived that is silent after 15 s."""
POLL_S: Final = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = (
        "Shows every change, asks, keeps a copy of each file, and has keepalived and `hakeeper\n"
        "check --online` judge the new files before they are in place. A keepalived that runs is\n"
        "reloaded, never restarted. What is not given and is needed, it asks for on a terminal.\n\n"
        "The token is never an argument: it is in /etc/hakeeper/token already, or in the file\n"
        f"that --token-file names, or in ${VARIABLE}, or is pasted when init asks for it.\n\n"
        "example, on the first server; it prints the command for the second one:\n"
        "  hakeeper init --peer 10.0.0.3 --address web --token-file /root/token\n\n"
        f"exit codes: {exits.OK} set up, or nothing to do, {exits.NOT_READY} a failover to this"
        f" server would not work,\n{exits.SYSTEM} the system refused something, and all was put"
        f" back, {exits.NO_PERMISSION} only root may do this,\n{exits.BAD_CONFIG} something is"
        " missing or wrong, and nothing was changed"
    )
    _add_what(parser)
    _add_how(parser)


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is to be."""
    add = parser.add_argument
    add("--peer", metavar="IP", type=ipv4, help="the other server's private address")
    add("--address", metavar="ADDRESS", help="the floating IP to move: its name, id or address")
    add("--token-file", metavar="FILE", type=Path, help="where the API token is, to be copied")
    add(
        "--instance",
        metavar="NAME",
        type=matching(INSTANCE, "the name of an instance"),
        help="the vrrp_instance (default: the one in keepalived.conf, else VI_1)",
    )
    add(
        "--priority",
        metavar="N",
        type=within(PRIORITIES),
        help="of this server, for a new keepalived.conf (default: 150 for the server with the"
        " lower address, else 100)",
    )
    add(
        "--router-id",
        metavar="N",
        type=within(ROUTER_IDS),
        help="the virtual_router_id of a new keepalived.conf, the same on both (default: 51)",
    )
    interface = matching(INTERFACE, "the name of an interface")
    add(
        "--interface",
        metavar="NAME",
        type=interface,
        help="the private network's (default: the one that has the private address)",
    )
    add(
        "--public-interface",
        metavar="NAME",
        type=interface,
        help="where the floating IP belongs (default: the one that has the Primary IP)",
    )
    add("--endpoint", metavar="URL", help="the API, if it is not Hetzner's own")


def _add_how(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how far to go."""
    add = parser.add_argument
    add(
        "--remove-scripts",
        action="store_true",
        help="take out the notify scripts that call Hetzner's API, once hakeeper runs",
    )
    add("--dry-run", action="store_true", help="show the changes, and change nothing")
    add("--yes", action="store_true", help="do not ask whether to go on")
    add("--no-start", action="store_true", help="write the files, and start or reload nothing")
    add(
        "--keepalived-conf",
        metavar="FILE",
        type=Path,
        help="keepalived's configuration (default: the file it was started with)",
    )
    add_config(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Set the server up; what stands in the way goes to stderr."""
    try:
        return _run(args)
    except (SetupError, ConfigUnreadable, ConfigErrors, SecretUnusable) as error:
        text = args.redactor.text(str(error))
        complain_in_lines(text)
        return error.exit_code


def _run(args: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise SetupError("only root may do this: sudo hakeeper init", exits.NO_PERMISSION)
    conf = args.keepalived_conf or conf_in_force(running_keepalived(None))
    places = Places(config=args.config, token=SERVICE_TOKEN, keepalived_conf=conf.absolute())
    here = look_here(places, args.socket)
    wishes = wishes_of(args, here)
    token, is_new = token_of(args, here)
    config = here.config or _config(wishes, None)
    there = look_there(wishes, config, token.reveal, args.redactor.text, os.environ)
    plan = make_plan(wishes, here, there, token.reveal() if is_new else None)
    todo = _todo(plan, places, args, config)
    _out(init_text.found(wishes, there))
    _out(init_text.changes(plan, args.redactor.text))
    if args.dry_run:
        _out([*init_text.commands(todo), "dry run: nothing was changed, nor tried"])
        return exits.OK
    code = exits.OK
    if plan.files or todo:
        _try(plan, here.config or _config(wishes, there), places, token, args)
        _out([*init_text.commands(todo), *init_text.consequences(todo, there)])
        if not args.yes and answer("Do so? [y/N]", "--yes").lower() not in ("y", "yes"):
            raise SetupError("nothing was changed", exits.OK)
        _do(plan, todo)
        code = exits.OK if args.no_start else _end(args.socket)
    else:
        _out(["nothing to do"])
    _out(init_text.other_server(plan, there, todo))
    return code


def _out(lines: Iterable[str]) -> None:
    """Print lines at once: what follows may take a while. Only what colours them is no text."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _config(wishes: Wishes, there: There | None) -> Config:
    """Return the configuration that is going to be written; raises ConfigErrors."""
    own_ip = None if there is None else there.own_ip
    text = template.hakeeper_yaml(wishes.instance, wishes.address, own_ip, wishes.endpoint)
    return parse(text, "hakeeper.yaml, made of --address, --instance and --endpoint")


def _todo(plan: Plan, places: Places, args: argparse.Namespace, config: Config) -> tuple[Step, ...]:
    """Return what is to be started or reloaded."""
    if args.no_start:
        return ()
    is_running = running_keepalived(config) is not None
    return tuple(
        steps(
            plan,
            places,
            is_hakeeper_active=is_active("hakeeper"),
            is_keepalived_running=is_running,
        )
    )


def _try(
    plan: Plan, config: Config, places: Places, token: Token, args: argparse.Namespace
) -> None:
    """Have the new files judged; raises SetupError if a failover would not work with them."""
    means = Means(
        read_token=token.reveal,
        redact=args.redactor.text,
        environ=os.environ,
        control_socket=args.socket,
        state_file=default_state_file(),
    )
    judgement = judge_plan(plan, config, places, means)
    if judgement.obstacles:
        raise SetupError(init_text.obstacles(judgement), exits.NOT_READY)
    _out([init_text.tried(judgement)])


def _do(plan: Plan, todo: tuple[Step, ...]) -> None:
    placed = put_in_place(plan.files)
    for each in placed:
        kept = "" if each.kept is None else f" (what it was: {each.kept})"
        _out([f"wrote {printable(f'{each.path}{kept}')}"])
    put_into_force(todo, placed)


def _end(socket: Path) -> int:
    """Wait until hakeeper reports that all is well, and show what it reports."""
    end_s = time.monotonic() + PATIENCE_S
    while not _is_well(socket) and time.monotonic() < end_s:
        time.sleep(POLL_S)
    _out([""])
    shown = argparse.Namespace(legend=False, watch=False, json=False, socket=socket)
    return exits.OK if status.run(shown) == exits.OK else exits.NOT_READY


def _is_well(socket: Path) -> bool:
    try:
        return bool(ask(str(socket), {"command": "status"}, POLL_S)["health"] == "ok")
    except (ControlError, NotRunning):
        return False
