"""Which partition a truck's fixes belong to: murmur2 of the plate in UTF-8, as Kafka's own clients do by default."""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=1_000_000)
def partition_of(plate: str, partitions: int) -> int:
    """The partition of a plate among so many."""
    return int((murmur2(plate.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF) % partitions)
