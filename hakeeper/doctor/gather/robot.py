"""Facts from Robot: one list of all failover IPs, which tests login, addresses and holders at once.

Nothing is tried that could change something: a login of Robot may do everything, so that there is
no right to be tried. The list costs one of the hundred reads of an hour. After a refused login
nothing more is sent, as the third one blocks this server's address.
"""

from collections.abc import Callable

from hakeeper.adapters.hetzner.robot import robot_sessions
from hakeeper.config import Config
from hakeeper.core.calls import Identify, ReadAll
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.gather.asker import asker
from hakeeper.kinds.apis import ROBOT
from hakeeper.loading import api_options, main_addresses


def robot_facts(
    config: Config, *, read_login: Callable[[], str], redact: Callable[[str], str]
) -> ApiFacts | None:
    """Ask Robot; None: no resource needs it. Raises what the pool raises."""
    if ROBOT.name not in config.apis:
        return None
    options = api_options(config, ROBOT.name)
    with asker(
        options=options,
        sessions=robot_sessions(options, main_addresses(config)),
        read_secret=read_login,
        redact=redact,
        timeout_s=config.robot.timeout_s,
        noun=ROBOT.known_by,
    ) as ask:
        identified = ask(Identify(ROBOT.name))
        kinds = dict.fromkeys(ref.kind for ref in config.refs_of(ROBOT.name))
        return ApiFacts(identified=identified, listed={kind: ask(ReadAll(kind)) for kind in kinds})
