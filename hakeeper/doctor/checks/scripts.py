"""Notify scripts from before hakeeper: two that move an address fight for it."""

from collections.abc import Iterator

from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Passed, Said, warning


def scripts(facts: Facts) -> Iterator[Said]:
    """Does a notify script call Hetzner's API as well?"""
    conf = facts.conf
    if conf is None:
        return
    is_clean = True
    for script in conf.notify_scripts:
        seen = facts.scripts.get(script.command)
        if seen is None or not (seen.sign or seen.unread):
            continue
        is_clean = False
        runs = f"`{script.keyword}` of {script.owner} runs `{script.command}`"
        if seen.sign:
            yield warning(
                f"{runs}, which calls Hetzner's API (`{seen.sign}`)",
                why="it moves the address as well: when the API is slow or fails, its late tries"
                " take the address away from the server that hakeeper gave it to",
                cure=f"once this check is clean and hakeeper runs, delete the `{script.keyword}`"
                " line; then: systemctl reload keepalived",
                place=script.place,
            )
        else:
            yield warning(
                f"{runs}, which was not looked at: {seen.unread}",
                why="if it calls Hetzner's API, it fights with hakeeper for the address",
                cure="look whether it does, or run this check as root; if so, delete the line",
                place=script.place,
            )
    if is_clean:
        yield Passed("none calls Hetzner's API")
