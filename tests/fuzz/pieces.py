"""Cutting one input into the pieces in which it comes over a pipe or a socket."""


def cut(data: bytes) -> tuple[bytes, ...]:
    """Return chunks: the first byte says how many cuts, the next ones how far apart they are.

    Distances are squares, so that one byte names the small ones exactly and reaches far.
    """
    count = data[0] % 16 if data else 0
    distances, stream = data[1 : 1 + count], data[1 + count :]
    chunks: list[bytes] = []
    for distance in distances:
        chunks.append(stream[: distance * distance])
        stream = stream[distance * distance :]
    return (*chunks, stream)


def uncut(stream: bytes, *distances: int) -> bytes:
    """Return the input that `cut` takes apart again; for seeds."""
    return bytes((len(distances), *distances)) + stream
