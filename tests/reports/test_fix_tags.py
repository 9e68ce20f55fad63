"""The tags of each fix around a case: what the engine left out is named, and nothing else is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingest.arrange import arrange
from reports.archive import archive_fixes
from reports.fix_tags import Judging, tagged_fixes, tags_of
from reports.names import TAG_NAMES
from reports.recording import RunHead, RunRecord
from reports.store import Store
from rules.engine import judge_all
from rules.findings import Findings
from rules.fleet import Fleet
from rules.health import Knowledge
from rules.tags import Tag

sys.path.append(str(Path(__file__).parents[1] / "rules"))
from fleet import NIGHT_MS, Drive, ground


def odd_night() -> pl.DataFrame:
    """A detour with jumps, fixes without a position, a second device and frozen positions."""
    truck = Drive(every_s=10).sensors("empty").stand(300).sensors("full").stand(120)
    truck.go(2000, 0).go(2000, 900).go(4000, 900).go(4000, 0).stand(300).at(5500, 0).go(6000, 0)
    fixes = truck.sensors("empty").stand(300).go(0, 0).fixes()
    n = pl.int_range(pl.len())
    fixes = fixes.with_columns(lat=pl.when(n % 37 == 20).then(pl.col("lat") + 0.1).otherwise("lat"), valid=n % 29 != 9)
    return arrange(pl.concat([fixes, fixes[::5].with_columns(terminal=pl.lit("t8"), valid=pl.lit(True))]))[0]


def test_fixes_with_excluding_tags_are_those_without_which_the_engine_finds_the_same() -> None:
    fixes = odd_night()
    tags = tags_of(fixes, Judging(ground(), Knowledge()))
    out = (tags & int(Tag.NOT_FIXED | Tag.JUMP | Tag.OTHER_DEVICE)) != 0
    whole, rest = (judge_all(f, ground(), Knowledge())[0] for f in (fixes, fixes.filter(pl.Series(~out))))
    assert whole.violations == rest.violations != []
    assert whole.trips == rest.trips and whole.stops == rest.stops
    expected = (~fixes["valid"]).to_numpy() | (fixes["terminal"] == "t8").to_numpy()
    jumps = (tags & Tag.JUMP) != 0
    assert np.array_equal(out, expected | jumps) and 3 <= jumps.sum() <= 8
    assert (fixes["lat"].to_numpy()[jumps] > 32.05).all()
    frozen = fixes.filter(pl.Series((tags & Tag.FROZEN) != 0))
    assert frozen.height > 20 and frozen["lon"].n_unique() == 1, "it stood, was told, and was then where none can drive"


def test_knowledge_of_terminals_is_named_too() -> None:
    fixes = odd_night()
    known = Knowledge(
        datums={("苏A00001", "t1"): "gcj02"},
        ill_sensors={("苏A00001", "t1"): frozenset({"load"})},
        ill_since_ms={("苏A00001", "t1", "load"): NIGHT_MS + 60_000},
        fleet=Fleet(mixed_clocks_ms={("苏A00001", "t8"): 0}),
    )
    tags = tags_of(fixes, Judging(ground(), known))
    own, late = (fixes["terminal"] == "t1").to_numpy(), (fixes["time_ms"] >= NIGHT_MS + 60_000).to_numpy()
    assert np.array_equal((tags & Tag.WRONG_DATUM) != 0, own)
    assert np.array_equal((tags & Tag.ILL_LOAD) != 0, own & late)
    assert np.array_equal((tags & Tag.CLOCK_DOUBTED) != 0, ~own)


def test_a_store_tells_the_fixes_of_a_span_with_their_tags(store: Store, make_head: type[RunHead]) -> None:
    fixes = odd_night()
    files = archive_fixes(store.path, fixes, ground().registry.zone)
    store.record(RunRecord(make_head("odd"), Findings(), {}, archive=files))
    judging, first = Judging(ground(), Knowledge()), NIGHT_MS + 600_000
    found, tags = tagged_fixes(store, judging, "苏A00001", first, first + 300_000)
    inside = fixes["time_ms"].is_between(first, first + 300_000, closed="left").to_numpy()
    assert found.equals(fixes.filter(pl.Series(inside))) and found.height > 30
    assert tags == [Tag(bits) for bits in tags_of(fixes, judging)[inside].tolist()]
    assert tagged_fixes(store, judging, "苏A99999", first, first + 1)[1] == []


@pytest.mark.parametrize("tag", list(Tag), ids=lambda tag: tag.word)
def test_every_tag_has_its_name(tag: Tag) -> None:
    assert TAG_NAMES[tag.word]
