"""What each command says when all is well."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from cli_town import PLATE, ROOT, WEEK, drive, environment, muckwatch, write_csv

COMMANDS = (
    "demo",
    "check",
    "run",
    "report",
    "map",
    "scores",
    "export",
    "tune",
    "publish",
    "worker",
    "settle",
    "status",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str) -> None:
    done = muckwatch(command, "--help")
    assert done.code == 0 and not done.err
    assert "Example" in done.out and f"muckwatch {command}" in done.out


def test_help_lists_every_command() -> None:
    done = muckwatch("--help")
    listed = done.out.split("Commands:")[1]
    names = [line.split()[0] for line in listed.strip().splitlines()]
    assert names == sorted(names) and {*COMMANDS, "inspection"} <= {*names}
    assert muckwatch("--version").code == 0


def test_help_of_export_names_every_view_and_format() -> None:
    from reports.export import FORMATS, ORDERS

    text = " ".join(muckwatch("export", "--help").out.split())
    assert all(view in text for view in ORDERS) and all(form in text for form in FORMATS)


def test_help_does_not_wait_for_the_heavy_libraries() -> None:
    code = "import sys, muckwatch; print([m for m in ('polars', 'duckdb', 'shapely', 'folium') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_check_shows_the_policy_in_force_and_counts(town: Path) -> None:
    done = muckwatch("check", town)
    assert done.code == 0, done.err
    words = [line.split() for line in done.out.splitlines()]
    limit = next(line for line in words if line and line[0] == "speed_limit_kmh")
    margin = next(line for line in words if line and line[0] == "site_margin_m")
    assert limit[1:] == ["50", "km/h", "60", "policy.toml"]
    assert margin[1:5] == ["30", "m", "30", "default:"]
    assert "1 permits" in done.out and "2 sites" in done.out


def test_run_prints_a_balance_that_adds_up(town: Path, tmp_path: Path) -> None:
    rows = drive()
    tracks = write_csv(tmp_path / "fixes.csv", [*rows, rows[3], rows[4], ",2025-11-18T10:00:00+08:00,118.7,32.0,1"])
    done = muckwatch("run", "--registry", town, "--tracks", tracks, "--out", tmp_path / "store")
    assert done.code == 0, done.err
    told = dict(line.strip().rsplit(maxsplit=1) for line in done.out.splitlines() if len(line.split()) > 1)
    count = lambda name: int(told[name].replace(",", ""))
    assert count("received") == len(rows) + 3
    assert (count("judged"), count("repeated"), count("set aside")) == (len(rows), 2, 1)
    assert f"no licence plate (1), first {tracks}:{len(rows) + 4}: ," in done.err
    assert "no_plate" in done.out and "daytime_not_whitelisted 1" in done.out
    assert str(tmp_path / "store") in done.out


def test_run_takes_several_files_folders_and_standard_input(town: Path, tmp_path: Path) -> None:
    rows = drive()
    folder = tmp_path / "folder"
    folder.mkdir()
    write_csv(folder / "b.csv", rows[40:80])
    first = write_csv(tmp_path / "a.csv", rows[:40])
    names = ("plate", "time", "lon", "lat", "speed_kmh")
    lines = [json.dumps(dict(zip(names, row.split(","), strict=True)), ensure_ascii=False) for row in rows[80:]]
    store = tmp_path / "store"
    done = muckwatch("run", "--registry", town, "--tracks", first, folder, "-", "--out", store, given="\n".join(lines))
    assert done.code == 0, done.err
    whole = muckwatch(
        "run", "--registry", town, "--tracks", write_csv(tmp_path / "w.csv", rows), "--out", tmp_path / "other"
    )
    assert whole.code == 0
    export = lambda folder: muckwatch("export", "violations", "--store", folder).out
    ids = lambda text: [row["violation_id"] for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff")))]
    assert ids(export(store)) == ids(export(tmp_path / "other")) != []


def test_report_and_maps_stand_where_it_says(town_store: Path, tmp_path: Path) -> None:
    done = muckwatch("report", "--store", town_store, "--week", WEEK, "--out", tmp_path)
    assert done.code == 0, done.err
    written = [Path(line) for line in done.out.splitlines()]
    assert all(path.is_file() and path.is_absolute() for path in written)
    suffixes = {path.suffix for path in written}
    assert {".html", ".xlsx"} <= suffixes
    assert PLATE in next(p for p in written if p.suffix == ".html" and WEEK in p.name).read_text("utf-8")


def test_report_takes_the_latest_week_where_none_is_named(town_store: Path, tmp_path: Path) -> None:
    done = muckwatch("report", "--store", town_store, "--format", "xlsx", "--out", tmp_path)
    assert done.code == 0 and f"周报-{WEEK}-第47期.xlsx" in done.out, done.err
    book = openpyxl.load_workbook(next(path for path in map(Path, done.out.splitlines()) if path.suffix == ".xlsx"))
    assert book.sheetnames


def test_map_of_a_trucks_day(town_store: Path, tmp_path: Path) -> None:
    done = muckwatch("map", "--store", town_store, "--vehicle", PLATE, "--day", "2025-11-18", "--out", tmp_path)
    assert done.code == 0, done.err
    page = Path(done.out.strip()).read_text("utf-8")
    assert PLATE in page and not re.search(r"<(script|link|img)[^>]*(src|href)=[^>]*//", page)


def test_scores_as_table_json_and_csv(town_store: Path) -> None:
    table = muckwatch("scores", "--store", town_store)
    assert table.code == 0 and PLATE in table.out and "甲运输公司" in table.out
    one = json.loads(muckwatch("scores", "--store", town_store, "--format", "json", "--id", PLATE).out)
    assert [row["subject_id"] for row in one] == [PLATE]
    assert one[0]["points"] == 0 and one[0]["provisional_points"] == 5, "what nobody confirmed does not score"
    text = muckwatch("scores", "--store", town_store, "--format", "csv", "--subject", "company").out
    assert [row["subject_id"] for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff")))] == ["c1"]


def test_scores_explained(town_store: Path) -> None:
    done = muckwatch("scores", "--store", town_store, "--explain", PLATE)
    assert done.code == 0 and "daytime_not_whitelisted" in done.out and "provisional" in done.out
    before = muckwatch("scores", "--store", town_store, "--format", "json", "--as-of", "2025-11-01", "--id", PLATE)
    assert json.loads(before.out)[0]["provisional_points"] == 0


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx"])
def test_export_gives_the_same_rows_in_every_format(town_store: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"violations.{form}"
    done = muckwatch("export", "violations", "--store", town_store, "--format", form, "--out", file)
    assert done.code == 0, done.err
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    elif form == "json":
        rows = json.loads(file.read_text("utf-8"))
    elif form == "parquet":
        rows = pl.read_parquet(file).to_dicts()
    else:
        sheet = openpyxl.load_workbook(file).active
        assert sheet is not None
        head, *body = sheet.iter_rows(values_only=True)
        rows = [dict(zip(head, row, strict=True)) for row in body]
    assert [(row["rule"], row["plate"]) for row in rows] == [("daytime_not_whitelisted", PLATE)]


def test_export_to_a_reader_that_leaves_early(town_store: Path) -> None:
    command = f"'{sys.executable}' '{ROOT / 'muckwatch.py'}' export fixes --store '{town_store}' | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, env=environment())
    assert done.stdout.lstrip("\ufeff").startswith("plate,") and "Traceback" not in done.stderr


def test_first_user_makes_the_store_where_there_is_none(tmp_path: Path) -> None:
    store = tmp_path / "city"
    added = muckwatch("user", "add", "zhang", "--role", "admin", "--store", store, given="Correct-Horse-77!\n")
    assert added.code == 0, added.err
    listed = muckwatch("user", "list", "--store", store)
    assert listed.code == 0 and "zhang" in listed.out
    assert "Correct-Horse" not in added.out + added.err + listed.out
