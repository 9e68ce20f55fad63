"""What the gateway hands on: records for Kafka's topics."""

from __future__ import annotations

from typing import NamedTuple

FIXES = "fixes"
RAW_FRAMES = "raw-frames"


class Outgoing(NamedTuple):
    """One record: its topic, its key (the plate in UTF-8) and its value."""

    topic: str
    key: bytes
    value: bytes


class Away(Exception):
    """The records did not all arrive; those that did are sent again, which counts once (a fix has an identity)."""
