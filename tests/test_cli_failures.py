"""What goes wrong, told in one line with the exit code of the contract: 2 for unusable input, 1 for bad luck."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest
from cli_town import HEADER, PLATE, ROOT, WEEK, Done, drive, environment, muckwatch, write_csv, write_registry

from reports.store import DATABASE_FILE, SCHEMA_VERSION

Judge = Callable[..., Done]


@pytest.fixture
def judge(town: Path, tmp_path: Path) -> Judge:
    """Runs `muckwatch run` over tracks in the town."""

    def run(*tracks: object, registry: Path = town, out: Path = tmp_path / "store", given: bytes | None = None) -> Done:
        return muckwatch("run", "--registry", registry, "--tracks", *tracks, "--out", out, given=given)

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "fly"),
        (["run"], "--registry"),
        (["run", "--registry", "r", "--out", "o"], "--tracks"),
        (["report", "--store", "s", "--week", "2026-W54"], "W53"),
        (["report", "--store", "s", "--week", "next"], "2026-W47"),
        (["report", "--store", "s", "--format", "odt"], "html"),
        (["map", "--store", "s", "--day", "2026-11-31", "--vehicle", "x"], "2026-11-20"),
        (["map", "--store", "s", "--vehicle", "x"], "--day"),
        (["map", "--store", "s", "--trip", "1", "--week", WEEK], "one map"),
        (["scores", "--store", "s", "--as-of", "yesterday"], "2026-11-20"),
        (["scores", "--store", "s", "--subject", "driver"], "company"),
        (["export", "violations"], "--store"),
    ],
)
def test_unusable_arguments(arguments: list[str], said: str) -> None:
    done = muckwatch(*arguments)
    assert done.code == 2 and not done.out
    assert said in done.error_line


@pytest.mark.parametrize(
    "arguments", [["report"], ["map", "--week", WEEK], ["scores"], ["export", "violations"]], ids=lambda a: a[0]
)
def test_no_store_there(tmp_path: Path, arguments: list[str]) -> None:
    missing = muckwatch(*arguments, "--store", tmp_path / "nothing")
    assert missing.code == 2 and "nothing" in missing.error_line
    empty = muckwatch(*arguments, "--store", tmp_path)
    assert empty.code == 2 and "not a store" in empty.error_line


@pytest.mark.parametrize(
    "arguments", [["report"], ["map", "--week", WEEK], ["scores"], ["export", "violations"]], ids=lambda a: a[0]
)
def test_store_of_a_newer_version(town_store: Path, tmp_path: Path, arguments: list[str]) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(town_store, newer)
    with duckdb.connect(str(newer / DATABASE_FILE)) as con:
        con.execute("UPDATE kept.meta SET schema_version = ?", [SCHEMA_VERSION + 1])
    done = muckwatch(*arguments, "--store", newer)
    assert done.code == 2 and f"version {SCHEMA_VERSION + 1}" in done.error_line


def test_run_into_a_store_of_a_newer_version(town_store: Path, tmp_path: Path, judge: Judge, town_tracks: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(town_store, newer)
    with duckdb.connect(str(newer / DATABASE_FILE)) as con:
        con.execute("UPDATE kept.meta SET schema_version = ?", [SCHEMA_VERSION + 1])
    done = judge(town_tracks, out=newer)
    assert done.code == 2 and f"version {SCHEMA_VERSION + 1}" in done.error_line


def test_unknown_view_format_trip_and_plate(town_store: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (["export", "secrets"], "terminal_health"),
        (["export", "trips", "--format", "dbf"], "parquet"),
        (["map", "--trip", "no-such-trip", "--out", tmp_path], "no-such-trip"),
        (["map", "--vehicle", "苏A00000", "--day", "2025-11-18", "--out", tmp_path], "苏A00000"),
        (["scores", "--explain", "苏A00000"], "苏A00000"),
    ):
        done = muckwatch(*arguments, "--store", town_store)
        assert done.code == 2 and said in done.error_line, arguments


def test_registry_that_does_not_exist(tmp_path: Path, judge: Judge, town_tracks: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert (checked := muckwatch("check", nowhere)).code == 2
    assert "nowhere" in checked.out + checked.err
    done = judge(town_tracks, registry=nowhere)
    assert done.code == 2 and "nowhere" in done.error_line
    assert not (tmp_path / "store").exists(), "nothing is made before the input is known to be usable"


def test_registry_with_faults_is_told_whole_and_not_used(tmp_path: Path, judge: Judge, town_tracks: Path) -> None:
    folder = write_registry(tmp_path / "registry")
    permits = (folder / "permits.csv").read_text("utf-8")
    (folder / "permits.csv").write_text(permits.replace("s1", "s9").replace("20:00-05:00", "20h to 5h"), "utf-8")
    checked = muckwatch("check", folder)
    assert checked.code == 2
    assert "s9" in checked.out and "20h to 5h" in checked.out and "permits.csv" in checked.out
    assert len(checked.out.strip().splitlines()) >= 2 and "listed above" in checked.error_line
    done = judge(town_tracks, registry=folder)
    assert done.code == 2 and "permits.csv" in done.error_line
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["/proc/muckwatch/store", "file/store"])
def test_out_folder_that_cannot_be_written(tmp_path: Path, judge: Judge, town_tracks: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    done = judge(town_tracks, out=tmp_path / name)
    assert done.code == 2 and str(tmp_path / name) in done.error_line


def test_out_folder_with_other_peoples_files(tmp_path: Path, judge: Judge, town_tracks: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.odt").write_text("not yours")
    done = judge(town_tracks, out=tmp_path / "mine")
    assert done.code == 2 and "thesis.odt" in done.error_line


def test_full_disk(judge: Judge, town_store: Path) -> None:
    done = muckwatch("export", "violations", "--store", town_store, "--out", "/dev/full")
    assert done.code == 1 and "/dev/full: cannot be written: No space left" in done.error_line
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode), "a device is never replaced by a file"


def write_parquet_of_other_types(path: Path) -> Path:
    pl.DataFrame({"plate": [1.5], "time": [True], "lon": [[1]], "lat": ["x"]}).write_parquet(path)
    return path


def write_truncated_gzip(path: Path) -> Path:
    path.write_bytes(gzip.compress("\n".join([HEADER, *drive(500)]).encode())[:-200])
    return path


def write_text(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("missing.csv", lambda path: path),
        ("empty.csv", lambda path: write_text(path, "")),
        ("empty.jsonl", lambda path: write_text(path, "")),
        ("cut.csv.gz", write_truncated_gzip),
        ("cut.parquet", lambda path: write_text(path, "PAR1 and no more")),
        ("other.parquet", write_parquet_of_other_types),
        ("headless.csv", lambda path: write_text(path, "a,b,c\n1,2,3\n")),
        ("picture.png", lambda path: write_text(path, "no track")),
    ],
)
def test_tracks_that_cannot_be_read(tmp_path: Path, judge: Judge, name: str, write: Callable[[Path], Path]) -> None:
    done = judge(write(tmp_path / name))
    assert done.code == 2 and name in done.error_line


def test_tracks_with_a_header_alone_are_no_fault(tmp_path: Path, judge: Judge) -> None:
    done = judge(write_csv(tmp_path / "header.csv", []))
    assert done.code == 0 and "Traceback" not in done.err
    told = muckwatch("report", "--store", tmp_path / "store", "--out", tmp_path / "r")
    assert told.code == 2 and "no fix" in told.error_line


HOSTILE = [
    "{{7*7}}",
    "<img src=x onerror=alert(1)>",
    "=cmd()|' /C calc'!A0",
    "'; drop table violations; --",
    "[red]苏A[/red]",
]


def test_rows_that_cannot_be_used_are_counted_with_their_reason(tmp_path: Path, judge: Judge) -> None:
    good = drive()
    bad = {
        "bad_position": [
            f"{PLATE},2025-11-18T10:00:01+08:00,NaN,32.0,1",
            f"{PLATE},2025-11-18T10:00:02+08:00,east,32,1",
        ],
        "time_without_offset": [f"{PLATE},2025-11-18T10:00:03,118.7,32.0,1"],
        "time_too_old": [f"{PLATE},1970-01-01T00:00:00Z,118.7,32.0,1"],
        "time_in_future": [f"{PLATE},2106-02-07T06:28:15Z,118.7,32.0,1"],
        "no_plate": [",2025-11-18T10:00:04+08:00,118.7,32.0,1"],
        "zero_position": [f"{PLATE},2025-11-18T10:00:05+08:00,0,0,1"],
    }
    rows = good + [row for rows in bad.values() for row in rows]
    done = judge(write_csv(tmp_path / "mixed.csv", rows))
    assert done.code == 0, done.err
    for reason, listed in bad.items():
        line = next(line for line in done.out.splitlines() if line.split()[:1] == [reason])
        assert line.split()[-1] == str(len(listed))
    rejected = muckwatch("export", "rejected_fixes", "--store", tmp_path / "store", "--format", "json").out
    assert all(f'"{reason}"' in rejected for reason in bad)


def test_hostile_plates_stay_text_everywhere(tmp_path: Path, judge: Judge) -> None:
    rows = [row for plate in HOSTILE for row in drive(plate='"' + plate.replace('"', '""') + '"')]
    done = judge(write_csv(tmp_path / "hostile.csv", rows))
    assert done.code == 0, done.err
    store = tmp_path / "store"
    shown = muckwatch("scores", "--store", store).out
    assert all(plate[:12] in shown for plate in HOSTILE)
    exported = csv.DictReader(io.StringIO(muckwatch("export", "violations", "--store", store).out.lstrip("\ufeff")))
    assert {row["plate"] for row in exported} == {f"'{p}" if p.startswith("=") else p for p in HOSTILE}
    report = muckwatch("report", "--store", store, "--out", tmp_path / "r")
    assert report.code == 0, report.err
    pages = [Path(line).read_text("utf-8") for line in report.out.splitlines() if line.endswith(".html")]
    assert not any("<img src=x" in page for page in pages) and any("{{7*7}}" in page for page in pages)


HOLD = """
import sys, time
from pathlib import Path
from reports.store import Store
with Store.open(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_store_that_another_process_holds(town_store: Path, tmp_path: Path, judge: Judge, town_tracks: Path) -> None:
    store = tmp_path / "held"
    shutil.copytree(town_store, store)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store)], cwd=ROOT, stdout=subprocess.PIPE, env=environment()
    )
    try:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        reading, writing = muckwatch("scores", "--store", store), judge(town_tracks, out=store)
    finally:
        holder.kill()
        holder.wait()
    for done in (reading, writing):
        assert done.code == 1 and "in use" in done.error_line and str(holder.pid) in done.error_line
    assert muckwatch("scores", "--store", store).code == 0, "free again when its holder is gone"


def test_interrupted_from_the_keyboard(tmp_path: Path, town: Path) -> None:
    command = [
        sys.executable,
        ROOT / "muckwatch.py",
        "run",
        "--registry",
        town,
        "--tracks",
        "-",
        "--out",
        tmp_path / "store",
    ]
    running = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    give_up_s = time.monotonic() + 60
    while not (tmp_path / "store" / DATABASE_FILE).exists() and time.monotonic() < give_up_s:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130 and b"Traceback" not in err
    assert err.decode().strip().splitlines()[-1] == "muckwatch: interrupted; what was not finished is not recorded"


def test_traceback_only_on_request(tmp_path: Path) -> None:
    quiet = muckwatch("scores", "--store", tmp_path)
    loud = muckwatch("scores", "--store", tmp_path, MUCKWATCH_DEBUG="1")
    assert quiet.code == loud.code == 2
    assert "Traceback" in loud.err and "Traceback" not in quiet.err


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    done = muckwatch("scores", "--store", tmp_path / "\x1b[2Jgone")
    assert done.code == 2 and "\x1b" not in done.err and "gone" in done.error_line
