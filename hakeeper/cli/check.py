"""`hakeeper check`: are the configuration and its secrets valid?

With `--online` it also checks everything else that a failover needs; see `hakeeper/doctor`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from hakeeper import exits
from hakeeper.adapters.cafile import fault_of_ca_file
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.file_permissions import writable_by_others
from hakeeper.adapters.hooks.check import hook_warnings
from hakeeper.adapters.local_addresses import VrrpAddresses
from hakeeper.adapters.login import PLACES as LOGIN_PLACES
from hakeeper.adapters.login import SERVICE_LOGIN, Login, read_login
from hakeeper.adapters.secret import SecretUnusable
from hakeeper.adapters.token import (
    SERVICE_TOKEN,
    FoundToken,
    Redactor,
    Token,
    find_source,
    read_token,
)
from hakeeper.cli.options import add_config, add_json, add_socket, default_state_file
from hakeeper.cli.say import complain
from hakeeper.config import Config, ConfigErrors
from hakeeper.config.robot import MainAddress
from hakeeper.core.observation import ResourceRef
from hakeeper.kinds import FLOATING_IPS, KINDS
from hakeeper.kinds.apis import CLOUD, ROBOT
from hakeeper.printable import printable


@dataclass(frozen=True, slots=True)
class CheckError:
    """One error. `line` and `column` are None if it is not in the text of the file."""

    file: str
    line: int | None
    column: int | None
    path: str
    message: str

    def __str__(self) -> str:
        """Return `file:line:column: path: message`, as compilers do."""
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of the check."""

    file: Path
    exit_code: int = exits.OK
    errors: tuple[CheckError, ...] = ()
    warnings: tuple[str, ...] = ()
    config: Config | None = None
    token_source: str | None = None
    login_source: str | None = None
    token: Token | None = field(default=None, repr=False)
    login: Login | None = field(default=None, repr=False)
    file_warnings: tuple[str, ...] = ()
    """Those of the warnings that `--online` shows, too: about the files themselves."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "Prints every error as file:line:column: key: what is wrong.\n\n"
        "With --online it also finds what would make a failover to this server fail. It asks the\n"
        "API and keepalived, and changes nothing. To run it with the token and the rights of the\n"
        "service: systemctl start hakeeper-check; journalctl -u hakeeper-check -n 60 -o cat\n\n"
        f"exit codes: {exits.OK} good (there may be warnings), {exits.NO_CONFIG} no configuration"
        f" file,\n{exits.NOT_READY} with --online: a failover would not work,"
        f" {exits.NO_PERMISSION} a file cannot be read,\n"
        f"{exits.BAD_CONFIG} the configuration or a secret is invalid"
    )
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "--online", action="store_true", help="ask the API and keepalived: would a failover work?"
    )
    parser.add_argument(
        "--keepalived-conf",
        metavar="FILE",
        type=Path,
        help="with --online: keepalived's configuration (default: the file it was started with)",
    )
    add_socket(parser, "with --online: ")


def run(args: argparse.Namespace) -> int:
    """Print the summary to stdout and errors and warnings to stderr, or all as JSON to stdout."""
    verdict = inspect(args.config, os.environ, args.redactor)
    config = verdict.config
    if args.online and verdict.exit_code == exits.OK and config is not None:
        return _go_online(args, verdict, config)
    if args.json:
        sys.stdout.write(json.dumps(args.redactor.value(as_json(verdict))) + "\n")
        return verdict.exit_code
    for error in verdict.errors:
        complain(args.redactor.text(str(error)))
    for warning in verdict.warnings:
        complain(f"warning: {args.redactor.text(warning)}")
    if verdict.exit_code == exits.OK and verdict.config is not None:
        sys.stdout.write(args.redactor.text(summary(verdict, verdict.config)))
    return verdict.exit_code


def _go_online(args: argparse.Namespace, verdict: Verdict, config: Config) -> int:
    """Run the online checks; the configuration is valid."""
    # Imported here: checking a file needs no API client.
    from hakeeper.cli import check_online  # noqa: PLC0415
    from hakeeper.doctor.examination import Subject, examine  # noqa: PLC0415

    report = examine(
        Subject(
            config=config,
            config_path=args.config,
            token_source=verdict.token_source or "",
            read_token=lambda: "" if verdict.token is None else verdict.token.reveal(),
            login_source=verdict.login_source or "",
            read_login=lambda: "" if verdict.login is None else verdict.login.reveal(),
            redact=args.redactor.text,
            environ=os.environ,
            keepalived_conf=args.keepalived_conf,
            control_socket=args.socket,
            state_file=default_state_file(),
            service_token=SERVICE_TOKEN,
            service_login=SERVICE_LOGIN,
        )
    )
    code = exits.OK if report.is_ready else exits.NOT_READY
    if args.json:
        offline = {**as_json(verdict), "ok": report.is_ready, "exit_code": code}
        document = {**offline, "online": check_online.as_json(report)}
        sys.stdout.write(json.dumps(args.redactor.value(document)) + "\n")
    else:
        text = check_online.as_text(report, file_warnings=verdict.file_warnings)
        sys.stdout.write(args.redactor.text(text))
    return code


def inspect(
    path: Path,
    environ: Mapping[str, str],
    redactor: Redactor,
    service_token: Path = SERVICE_TOKEN,
    service_login: Path = SERVICE_LOGIN,
) -> Verdict:
    """Check the configuration file, the secrets and the CA files that its resources need.

    If the current environment has no such secret, check the one that the service would use.
    """
    start = Verdict(file=path)
    try:
        config = load(path)
    except ConfigUnreadable as error:
        unreadable = CheckError(str(path), None, None, "", error.message)
        return replace(start, exit_code=error.exit_code, errors=(unreadable,))
    except ConfigErrors as errors:
        found = tuple(CheckError(**asdict(error)) for error in errors.errors)
        return replace(start, exit_code=errors.exit_code, errors=found)
    verdict = replace(start, config=config)
    if CLOUD.name in config.apis:
        cloud = config.hetzner
        files = (path, cloud.ca_file, cloud.token_file or service_token)
        verdict = _with_file_permissions(verdict, files)
        verdict = _with_token(verdict, config, environ, redactor, service_token)
        verdict = _with_ca_file(verdict, "hetzner.ca_file", cloud.ca_file)
    if ROBOT.name in config.apis:
        robot = config.robot
        files = (path, robot.ca_file, robot.credentials_file or service_login)
        verdict = _with_file_permissions(verdict, files)
        verdict = _with_login(verdict, config, environ, redactor, service_login)
        verdict = _with_ca_file(verdict, "robot.ca_file", robot.ca_file)
    verdict = _with_warnings(verdict, hook_warnings(path, config.hooks))
    return _with_vrrp_addresses(verdict, config)


def _with_token(
    verdict: Verdict,
    config: Config,
    environ: Mapping[str, str],
    redactor: Redactor,
    service_token: Path,
) -> Verdict:
    token_file = config.hetzner.token_file
    if find_source(token_file, environ) is None and os.path.lexists(service_token):
        token_file = service_token
    try:
        found: FoundToken = read_token(token_file, environ)
    except SecretUnusable as error:
        path = "" if config.hetzner.token_file is None else "hetzner.token_file"
        return _with_error(verdict, path, str(error), error.exit_code)
    redactor.add(found.token.reveal())
    known = replace(verdict, token_source=str(found.source), token=found.token)
    return _with_warnings(known, found.warnings)


def _with_login(
    verdict: Verdict,
    config: Config,
    environ: Mapping[str, str],
    redactor: Redactor,
    service_login: Path,
) -> Verdict:
    file = config.robot.credentials_file
    if LOGIN_PLACES.find(file, environ) is None and os.path.lexists(service_login):
        file = service_login
    try:
        found = read_login(file, environ)
    except SecretUnusable as error:
        path = "" if config.robot.credentials_file is None else "robot.credentials_file"
        return _with_error(verdict, path, str(error), error.exit_code)
    found.login.hide_in(redactor)
    known = replace(verdict, login_source=str(found.source), login=found.login)
    return _with_warnings(known, found.warnings)


def _with_file_permissions(verdict: Verdict, files: Iterable[Path | None]) -> Verdict:
    """Warn of files that other users may change: they decide where secrets are sent."""
    return _with_warnings(verdict, writable_by_others(path for path in files if path is not None))


def _with_warnings(verdict: Verdict, found: Iterable[str]) -> Verdict:
    """Add warnings about files, each once."""
    found = tuple(text for text in found if text not in verdict.warnings)
    return replace(
        verdict,
        file_warnings=(*verdict.file_warnings, *found),
        warnings=(*verdict.warnings, *found),
    )


def _with_vrrp_addresses(verdict: Verdict, config: Config) -> Verdict:
    """Warn of missing addresses: not an error, as the file may be for another machine."""
    missing = [
        f"{vrrp}: vrrp_address {address} is not on this machine; nothing is claimed without it"
        for vrrp, wanted in config.vrrp_addresses.items()
        for address in wanted
        if not VrrpAddresses([address]).here()
    ]
    return replace(verdict, warnings=(*verdict.warnings, *missing))


def _with_ca_file(verdict: Verdict, key: str, ca_file: Path | None) -> Verdict:
    if ca_file is None:
        return verdict
    fault = fault_of_ca_file(ca_file)
    if fault is None:
        return verdict
    return _with_error(verdict, key, f"{ca_file}: {fault.reason}", fault.exit_code)


def _with_error(verdict: Verdict, path: str, message: str, exit_code: int) -> Verdict:
    error = CheckError(str(verdict.file), None, None, path, message)
    return replace(
        verdict,
        errors=(*verdict.errors, error),
        exit_code=verdict.exit_code if verdict.errors else exit_code,
    )


def as_json(verdict: Verdict) -> dict[str, object]:
    """Return what `--json` prints; `config` is null if it could not be read."""
    config = verdict.config
    return {
        "ok": not verdict.errors,
        "exit_code": verdict.exit_code,
        "file": str(verdict.file),
        "errors": [asdict(error) for error in verdict.errors],
        "warnings": list(verdict.warnings),
        "token_source": verdict.token_source,
        "login_source": verdict.login_source,
        "config": None if config is None else config.as_json(),
    }


def _listed(refs: Iterable[ResourceRef]) -> str:
    """Return resources for people; what is no floating IP is said to be what it is."""
    kinds: dict[str, list[str]] = {}
    for ref in refs:
        kinds.setdefault(ref.kind, []).append(str(ref))
    return "; ".join(
        ", ".join(texts) if kind == FLOATING_IPS.name else f"{KINDS[kind].noun} {', '.join(texts)}"
        for kind, texts in kinds.items()
    )


def _server(setting: str | int | tuple[MainAddress, ...]) -> str:
    if isinstance(setting, tuple):
        return ", ".join(map(str, setting))
    return "auto (this machine)" if setting == "auto" else str(setting)


def summary(verdict: Verdict, config: Config) -> str:
    """Return the main settings, for people to review before they start the daemon."""
    rows = [(str(vrrp), _listed(refs)) for vrrp, refs in config.resources.items()]
    rows += [
        ("vrrp_address", f"{', '.join(map(str, wanted))} (of {vrrp})")
        for vrrp, wanted in config.vrrp_addresses.items()
    ]
    rows += [
        ("hooks", f"{', '.join(moment.value for moment, _ in one.commands)} (of {vrrp})")
        for vrrp, one in config.hooks.items()
    ]
    keepalived = config.keepalived
    if CLOUD.name in config.apis:
        rows.append(("server", _server(config.server)))
    rows += [
        ("fifo", str(keepalived.fifo)),
        ("state", f"{keepalived.state.value} (pid file {keepalived.pid_file})"),
    ]
    if CLOUD.name in config.apis:
        rows += [
            ("endpoint", config.hetzner.endpoint),
            ("token", verdict.token_source or "none"),
        ]
    if ROBOT.name in config.apis:
        rows += [
            ("robot", config.robot.endpoint),
            ("robot server", _server(config.robot.server)),
            ("robot login", verdict.login_source or "none"),
        ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{verdict.file}: good", *(f"  {name:<{width}}  {value}" for name, value in rows)]
    return "\n".join(map(printable, lines)) + "\n"
