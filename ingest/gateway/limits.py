"""What one gateway allows: connections, time, pace and memory. Every limit has a reason; none is a matter of taste."""

from __future__ import annotations

import resource
from dataclasses import dataclass, replace

#: Descriptors for everything but terminals: Kafka, journal, metrics, standard streams.
SPARE_FILES = 256


@dataclass(frozen=True)
class Limits:
    """Limits of the gateway.

    Attributes:
        connections: open at once; the descriptors that the system grants may make it fewer.
        per_host: of these from one address. High, because a carrier's terminals come from a few.
        strangers: of these not authenticated. When one more comes, the oldest must go: an honest terminal is done
            within a second.
        auth_s: until a connection must have authenticated.
        frame_s: until a frame that was begun must be whole.
        idle_s: without a byte; terminals send a heartbeat every two minutes at most.
        unread_s: for which a terminal may leave our answers unread.
        rate: frames a second of one terminal, for good; reading pauses above it, nothing is dropped.
        burst: frames that it may send at once, after a time out of coverage.
        bad_in_a_row: bad frames without a good one between, after which the connection is closed.
        unended_bytes: bytes without a border between frames, after which it is closed.
        waiting: frames of one connection that are not answered yet; reading pauses above it.
        waiting_in_all: the same over all connections.
    """

    connections: int = 12_000
    per_host: int = 12_000
    strangers: int = 2_000
    auth_s: float = 30.0
    frame_s: float = 60.0
    idle_s: float = 360.0
    unread_s: float = 30.0
    rate: float = 20.0
    burst: float = 300.0
    bad_in_a_row: int = 20
    unended_bytes: int = 64 * 1024
    waiting: int = 64
    waiting_in_all: int = 20_000


def raise_files(wanted: int) -> int:
    """Raises the process's soft limit of open files as far as is needed and allowed; how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= allowed:
        return wanted if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def with_files(limits: Limits) -> Limits:
    """The limits with no more connections than there may be files."""
    files = raise_files(limits.connections + SPARE_FILES)
    return replace(limits, connections=min(limits.connections, max(1, files - SPARE_FILES)))
