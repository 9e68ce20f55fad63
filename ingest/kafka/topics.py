"""The topics of the stream: their names, how they are made, and that they are as they must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError

from ingest.kafka.client import RECORD_BYTES, StreamBroken, administration

PARTITIONS = 8
_COMPACTED = {"cleanup.policy": "compact", "max.message.bytes": str(RECORD_BYTES), "min.cleanable.dirty.ratio": "0.3"}


@dataclass(frozen=True)
class Topics:
    """The topics of one city. `prefix` sets several apart on one Kafka; tests use it."""

    prefix: str = ""

    @property
    def fixes(self) -> str:
        """Position reports in, by plate."""
        return f"{self.prefix}fixes"

    @property
    def findings(self) -> str:
        """What workers found; the partition is that of the fixes."""
        return f"{self.prefix}findings"

    @property
    def state(self) -> str:
        """What workers know of trucks; compacted; the partition is that of the fixes."""
        return f"{self.prefix}truck-state"

    @property
    def rejected(self) -> str:
        """Records and lines that could not be used, as they came."""
        return f"{self.prefix}rejected"

    @property
    def raw_frames(self) -> str:
        """Frames of terminals as they came, by plate; what the gateway keeps as evidence."""
        return f"{self.prefix}raw-frames"

    @property
    def knowledge(self) -> str:
        """What the store has learnt of terminals, for workers; compacted, one partition."""
        return f"{self.prefix}terminal-knowledge"

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return f"{self.prefix}muckwatch-worker"

    def settings(self) -> dict[str, tuple[bool, Mapping[str, str]]]:
        """Every topic, whether it has as many partitions as `fixes`, and its settings."""
        return {
            self.fixes: (True, {"max.message.bytes": str(RECORD_BYTES)}),
            self.findings: (True, {"retention.ms": "-1"}),
            self.state: (True, _COMPACTED),
            self.rejected: (True, {"max.message.bytes": str(RECORD_BYTES)}),
            self.raw_frames: (True, {}),
            self.knowledge: (False, _COMPACTED),
        }


def ensure(bootstrap: str, topics: Topics, partitions: int | None = None) -> int:
    """Makes the topics that are missing and checks those that are there.

    Args:
        bootstrap: the brokers.
        topics: their names.
        partitions: of `fixes`; None: as many as there are, `PARTITIONS` for new ones.

    Returns:
        How many partitions `fixes` has.

    Raises:
        StreamBroken: if a topic has another number of partitions than it must have.
        KafkaTrouble: if Kafka cannot be reached.
    """
    with administration(bootstrap) as admin:
        there = _counts(admin.describe_topics(list(set(admin.list_topics()) & set(topics.settings()))))
        wanted = partitions or there.get(topics.fixes) or there.get(topics.state) or PARTITIONS
        missing = [
            NewTopic(name, wanted if many else 1, _copies(), topic_configs=dict(settings))
            for name, (many, settings) in topics.settings().items()
            if name not in there
        ]
        for topic in missing:
            try:
                admin.create_topics([topic])
            except TopicAlreadyExistsError:
                continue
        if missing:
            admin.wait_for_topics([t.name for t in missing])
            there = _counts(admin.describe_topics(list(topics.settings())))
    for name, (many, _) in topics.settings().items():
        if there[name] != (wanted if many else 1):
            raise StreamBroken(
                f"topic {name} has {there[name]} partitions, expected {wanted if many else 1}: a truck's fixes would "
                "change their partition; make new topics under another --prefix, or name the right number"
            )
    return wanted


def ids(bootstrap: str, topics: Topics) -> dict[str, str]:
    """The id of each topic that exists; one that was deleted and made again has another."""
    with administration(bootstrap) as admin:
        names = list(set(admin.list_topics()) & set(topics.settings()))
        return {str(t["name"]): str(t["topic_id"]) for t in admin.describe_topics(names)} if names else {}


def _copies() -> int:
    return -1  # the broker's default


def _counts(described: list[dict[str, object]]) -> dict[str, int]:
    return {str(t["name"]): len(t["partitions"]) for t in described}  # type: ignore[arg-type]
