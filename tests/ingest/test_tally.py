"""The balance and the bar."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from some_tracks import FORMATS, GOOD, NOW_MS, read

from ingest.files import Progress, read_fixes
from ingest.progress import watch
from ingest.tally import Ignored, Rejection, Tally, TracksError


def test_tallies_join_and_survive_json():
    a = Tally(10, 7, 1, {"no_time": Rejection(2, None, None, "a:1: x")}, {"lift": Ignored(1, "a")}, ["w"])
    b = Tally(
        5, 3, 0, {"no_time": Rejection(1, 4, 4, "b"), "bad_time": Rejection(1)}, {"lift": Ignored(2, "b")}, ["w", "v"]
    )
    c = Tally(1, 0, 0, {"no_time": Rejection(1, 2, 9, "c")})
    a += b
    a += c
    a.check()
    assert a.rejected["no_time"] == Rejection(4, 2, 9, "a:1: x")
    assert a.ignored_values["lift"] == Ignored(3, "a")
    assert a.warnings == ["w", "v"]
    assert Tally.from_json(json.loads(json.dumps(a.as_json()))) == a
    assert b.rejected["no_time"].count == 1


def test_a_lost_fix_is_an_error():
    with pytest.raises(AssertionError, match="3 received, but 1 usable"):
        Tally(3, 1, 1).check()


def test_only_known_reasons():
    with pytest.raises(ValueError, match="no_plate"):
        Tally().reject("odd", Rejection(1))


@pytest.mark.parametrize("kind", FORMATS)
def test_progress_ends_at_the_whole(tracks, kind):
    paths = [tracks.write([GOOD] * 3000, kind, name) for name in ("a", "b")]
    seen: list[Progress] = []
    list(read_fixes(paths, now_ms=NOW_MS, tally=Tally(), batch_rows=500, on_progress=seen.append))
    total = sum(path.stat().st_size for path in paths)
    assert seen[-1] == Progress(str(paths[1]), total, total, 6000)
    assert [p.bytes_done for p in seen] == sorted(p.bytes_done for p in seen)
    assert [p.fixes for p in seen] == sorted(p.fixes for p in seen)
    assert len(seen) > 4 and seen[0].fixes < 3000


def test_bar_is_drawn_only_for_people():
    for terminal in (True, False):
        out = io.StringIO()
        with watch(Console(file=out, force_terminal=terminal, width=100)) as show:
            show(Progress("a.csv", 50, 100, 1_234_567))
        assert ("1,234,567 fixes" in out.getvalue()) == terminal
        assert bool(out.getvalue()) == terminal


def test_reading_stops_when_nobody_wants_more(tracks):
    frames = read_fixes([tracks.write([GOOD] * 5000, "jsonl")], now_ms=NOW_MS, tally=Tally(), batch_rows=100)
    next(frames)
    frames.close()


def test_nothing_is_read_before_all_paths_are_known_to_be_there(tracks):
    tally = Tally()
    with pytest.raises(TracksError):
        next(read_fixes([tracks.write([GOOD], "csv"), "none.csv"], now_ms=NOW_MS, tally=tally))
    assert tally.received == 0
    assert read(tracks.write([GOOD], "csv"))[1].usable == 1
