"""A log that was tampered with, in every way and at random places, is found out; `bench/tampering.py` tries more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.tampering import KINDS, fill, try_kind
from reports.ledger.signing import TreeHead
from reports.ledger.verify import verify
from reports.store import Store

TIMES = 6
#: What only a head kept elsewhere shows, or that leaves more than one place possible.
BY_RANGE = {"truncate", "truncate_with_heads", "rewrite_without_heads", "rebuild_whole"}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, TreeHead]]:
    with Store.open(tmp_path_factory.mktemp("log") / "store", create=True) as store:
        yield store, fill(store, 40)


@pytest.mark.parametrize("kind", KINDS)
def test_every_tampering_is_found_and_named(log: tuple[Store, TreeHead], kind: str) -> None:
    store, saved = log
    score = try_kind(store, KINDS[kind], TIMES, saved, seed=2)
    assert score.found == score.named == TIMES
    assert kind in BY_RANGE or score.exact == TIMES
    assert verify(store, [saved]).sound  # taken back: without tampering nothing is wrong
