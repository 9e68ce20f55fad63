"""The generator: same seed, same bytes; another seed, another week; nobody blamed where nobody sins."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.registry import inspect
from sample_tracks.clock import Clock
from sample_tracks.fleet import Knobs
from sample_tracks.generate import generate, main
from sample_tracks.score import read_truth

TINY = Knobs(trucks=3)


def made(folder: Path, seed: int, city_seed: int) -> dict[str, bytes]:
    generate(folder, ["2026-W47"], seed, city_seed, TINY)
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first, again, other = (made(tmp_path / str(i), seed, 3) for i, seed in enumerate((8, 8, 9)))
    assert first == again
    assert (
        first["registry/sites.geojson"].split(b'"site_id"')[1] == other["registry/sites.geojson"].split(b'"site_id"')[1]
    )
    assert first["truth.csv"] != other["truth.csv"]


def test_honest_drivers_commit_nothing(tmp_path: Path) -> None:
    clean = Knobs(trucks=4, ill_share=0.0, datum_liars=0, outfit="full", noise="clean")
    generate(tmp_path, ["2026-W46"], 11, 11, clean, honest=True)
    assert [t for t in read_truth(tmp_path / "truth.csv") if t.kind == "positive"] == []
    assert inspect(tmp_path / "registry").faults == []


@pytest.mark.parametrize("weeks", [["2026-46"], ["2026-W46", "2026-W48"], ["2026-W54"]])
def test_weeks_that_cannot_be(weeks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--weeks", *weeks]) == 2
    assert "week" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_clock_knows_nights() -> None:
    clock = Clock.of(["2026-W46"])
    assert clock.iso(0) == "2026-11-09T00:00:00+08:00"
    assert (22 * 3600, 30 * 3600) in clock.daily("22:00-06:00")
