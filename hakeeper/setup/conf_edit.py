"""The smallest change of a keepalived.conf that makes it tell hakeeper of its roles.

What is missing is added, what is wrong on a line of its own is replaced, and all else stays byte by
byte. Only the main file is changed: another one may belong to somebody else, such as a package.
"""

import re
from collections.abc import Container, Iterable
from typing import Final

from hakeeper.adapters.cures import fifo_line
from hakeeper.doctor.conf.configuration import FifoLine, KeepalivedConf, NotifyScript
from hakeeper.doctor.finding import Place
from hakeeper.setup.errors import SetupError

_FIFO: Final = "vrrp_notify_fifo"
_DBUS: Final = "enable_dbus"
_INDENT: Final = "    "
_GLOBAL_DEFS: Final = re.compile(r"([ \t]*)global_defs[ \t]*\{[ \t]*([#!].*)?\r?")
_FIFO_LINE: Final = re.compile(
    r"(?P<indent>[ \t]*)vrrp_notify_fifo([ \t]+[^\s#!{}\"\\$@~]+)+(?P<rest>[ \t]*([#!].*)?\r?)"
)
_NOTIFY_LINE: Final = re.compile(r"[ \t]*notify[a-z_]*[ \t][^{}$@~]*\r?")


def edited(
    conf: KeepalivedConf,
    text: str,
    *,
    fifo: str,
    user: str,
    same: Container[str] = (),
    without: Iterable[NotifyScript] = (),
) -> str:
    """Return the text of the main file with the lines that hakeeper needs.

    `fifo` is the path that hakeeper reads, as the user `user`; those of `same` lead there, too. The
    scripts of `without` go. Raises SetupError where a change would not be safe: with the place, and
    what to do by hand.
    """
    lines: list[str | None] = list(text.split("\n"))
    wanted = fifo_line(fifo, user)
    missing: list[str] = []
    line = _line_in_use(conf, fifo, same)
    if line is None:
        missing.append(wanted)
    elif line.user != user:
        at = _in_main(conf, line.place, f"write there: {wanted}")
        match = _FIFO_LINE.fullmatch(str(lines[at]))
        if match is None:
            raise SetupError(f"{line.place}: cannot change this line safely; write: {wanted}")
        lines[at] = f"{match['indent']}{wanted}{match['rest']}"
    for script in without:
        at = _in_main(conf, script.place, f"delete the `{script.keyword}` line there")
        if _NOTIFY_LINE.fullmatch(str(lines[at])) is None:
            raise SetupError(
                f"{script.place}: cannot change this line safely; delete `{script.keyword}` by hand"
            )
        lines[at] = None
    if _DBUS not in conf.all_keywords:
        missing.append(_DBUS)
    if missing:
        _insert(lines, missing, conf)
    return "\n".join(one for one in lines if one is not None)


def _line_in_use(conf: KeepalivedConf, fifo: str, same: Container[str]) -> FifoLine | None:
    """Return the line for hakeeper's FIFO; raises SetupError if another program's is there."""
    for line in conf.fifos:
        if line.keyword != _FIFO and (line.path == fifo or line.path in same):
            raise SetupError(
                f"{line.place}: `{line.keyword}` names hakeeper's FIFO, and brings lines that are"
                f" not of VRRP; delete this line, then run init again"
            )
    first = next((line for line in conf.fifos if line.keyword == _FIFO), None)
    if first is not None and first.path != fifo and first.path not in same:
        raise SetupError(
            f"{first.place}: keepalived writes to {first.path} already, and can write to one such"
            f" FIFO only. If nobody else reads it, delete the line, then run init again; or have"
            f" hakeeper read it: `keepalived: {{fifo: {first.path}}}` in hakeeper.yaml"
        )
    return first


def _in_main(conf: KeepalivedConf, place: Place, cure: str) -> int:
    """Return the index of a line of the main file; raises SetupError for an included one."""
    if place.file != conf.file or place.line is None:
        raise SetupError(f"{place}: init changes no included file; {cure}, then run init again")
    return place.line - 1


def _insert(lines: list[str | None], missing: list[str], conf: KeepalivedConf) -> None:
    """Add lines to `global_defs`, or a `global_defs` above all if that is not plainly there.

    keepalived reads several of these blocks as one.
    """
    end = "\r" if str(lines[0]).endswith("\r") else ""
    place = conf.global_defs
    at = place.line if place.file == conf.file else None
    if at is not None and (match := _GLOBAL_DEFS.fullmatch(str(lines[at - 1]))):
        indent = _indent_below(lines[at:], match[1])
        lines[at:at] = [f"{indent}{one}{end}" for one in missing]
        return
    block = ["global_defs {", *(f"{_INDENT}{one}" for one in missing), "}", ""]
    lines[0:0] = [f"{one}{end}" for one in block]


def _indent_below(lines: list[str | None], outer: str) -> str:
    """Return the indentation of the block's first line; of an empty block, one step more."""
    first = next((one for one in lines if one and one.strip()), "")
    found = first[: len(first) - len(first.lstrip(" \t"))]
    return found if len(found) > len(outer) else f"{outer}{_INDENT}"
