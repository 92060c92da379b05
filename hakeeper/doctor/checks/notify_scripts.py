"""Old notify scripts that move an address themselves, and so work against hakeeper."""

from collections.abc import Iterator

from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Passed, warning


def notify_scripts(facts: Facts) -> Iterator[CheckResult]:
    """Check that no notify script calls Hetzner's API."""
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
                why="it moves the address, too: when the API is slow or fails, its late retries"
                " take the address away from the server that hakeeper assigned it to",
                cure=f"once the rest of this check passes and hakeeper runs, delete the"
                f" `{script.keyword}` line; then: systemctl reload keepalived",
                place=script.place,
            )
        else:
            yield warning(
                f"{runs}, which was not checked: {seen.unread}",
                why="if it calls Hetzner's API, it works against hakeeper",
                cure="look into it, or run this check as root; if it does, delete the line",
                place=script.place,
            )
    if is_clean:
        yield Passed("none calls Hetzner's API")
