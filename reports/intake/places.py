"""Where the intake begins to read: where the store stands, also in partitions of which nothing was taken in yet."""

from __future__ import annotations

from reports.intake.merging import Offsets, offsets_of, set_offsets
from reports.ledger.entries import Entry, append_all
from reports.store import Store

#: What to do where a log no longer holds what the store has not taken in.
LOST = (
    "what lies between is lost to the store, because the log was kept too short or cut; once that is understood, "
    "`muckwatch serve --skip-lost` goes on with what there is and puts the gap into the store's log"
)


def places(store: Store, begins: Offsets, *, skip_lost: bool, now_ms: int) -> dict[int, int]:
    """The next offset of every partition; those that the store does not know yet are written down now.

    A partition that had nothing to take in has its place from the first day, so that records which came and went
    while nobody looked are seen to be missing.

    Args:
        store: the writer.
        begins: where the log of each partition of the topic begins.
        skip_lost: move places that lie before the beginning of their log there, and log each gap.
        now_ms: the present, epoch ms.

    Raises:
        StoreError: if the store cannot be written.
    """
    kept, _ = offsets_of(store, begins.topic)
    first = begins.next_offset
    lost = {p: at for p, at in kept.items() if skip_lost and at < first.get(p, at)}
    moved = {p: at for p, at in first.items() if p not in kept or p in lost}
    if not moved:
        return kept
    with store.transaction():
        set_offsets(store, Offsets(begins.topic, begins.topic_id, moved))
        gaps = [
            Entry("run", f"lost:{begins.topic}:{p}", "intake", {"topic": begins.topic, "lost": [p, at, first[p]]})
            for p, at in sorted(lost.items())
        ]
        if gaps:
            append_all(store, gaps, at_ms=now_ms)
    return {**kept, **moved}
