"""`muckwatch gateway` and `muckwatch simulate` as people use them, without a Kafka: the journal holds it all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_town import PLATE, ROOT, drive, environment, muckwatch, write_csv
from some_sinks import until

from ingest.gateway.journal import Journal

NOBODY = "127.0.0.1:1"


@contextmanager
def running(journal: Path, *more: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(ROOT / "muckwatch.py"), "gateway", "--listen", "127.0.0.1:0", "--kafka", NOBODY]
    process = subprocess.Popen(
        [*command, "--journal", str(journal), *map(str, more)],
        stdout=subprocess.PIPE,
        stderr=(journal.parent / "said").open("w"),
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.wait()


def tracks(folder: Path, *plates: str) -> Path:
    rows = [f"{row},{'013900000001' if plate == PLATE else ''}" for plate in plates for row in drive(2, plate)]
    return write_csv(folder / "fixes.csv", rows, "plate,time,lon,lat,speed_kmh,terminal")


def test_tracks_go_through_terminals_into_the_journal(town: Path, tmp_path: Path) -> None:
    sent = tracks(tmp_path, PLATE)
    with running(tmp_path / "journal", "--registry", town) as (process, address):
        done = muckwatch("simulate", "--tracks", sent, "--gateway", address, "--speed", 0)
        assert done.code == 0, done.err
        assert "12 of 12 fixes acknowledged" in done.out
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0 and process.stdout
        assert "14 received = 14 acknowledged + 0 refused" in process.stdout.read()
    journal = Journal(tmp_path / "journal")
    records, _ = journal.peek()
    journal.close()
    assert [record.topic for record in records].count("fixes") == 12


def test_registry_is_read_anew_on_a_signal(town: Path, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    registry.mkdir()
    for path in town.iterdir():
        (registry / path.name).write_bytes(path.read_bytes())
    sent = tracks(tmp_path, PLATE, "苏A54321")
    simulate = lambda address: muckwatch("simulate", "--tracks", sent, "--gateway", address, "--speed", "0")
    with running(tmp_path / "journal", "--registry", registry) as (process, address):
        first = simulate(address)
        assert first.code == 1 and "12 of 24" in first.error_line and "苏A54321: not let in" in first.out
        vehicles = registry / "vehicles.csv"
        vehicles.write_text(vehicles.read_text() + "苏A54321,c1,019900000001,ordinary\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: "read anew" in (tmp_path / "said").read_text())
        assert simulate(address).code == 0
        vehicles.write_text("nothing\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: "stays as it was" in (tmp_path / "said").read_text())
        assert process.poll() is None


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--listen", "808"], 2, "host:port"),
        (["--watch", "x"], 2, "host:port"),
        (["--journal-mb", "0"], 2, "journal-mb"),
        (["--registry", "no-such"], 2, "no-such"),
        (["--dialects", "dialects"], 2, "ours.toml"),
        (["--listen", "192.0.2.1:808"], 1, "cannot listen"),
        (["--journal", "busy"], 1, "another gateway"),
        (["--journal", "/proc/none"], 1, "/proc/none"),
    ],
    ids=str,
)
def test_what_does_not_work_is_said_in_one_line(tmp_path: Path, more: list[str], code: int, said: str) -> None:
    (tmp_path / "dialects").mkdir()
    (tmp_path / "dialects" / "ours.toml").write_text("colour = 1")
    busy = Journal(tmp_path / "busy")
    done = muckwatch(
        "gateway", "--listen", "127.0.0.1:0", "--kafka", NOBODY, "--journal", tmp_path / "j", *more, cwd=tmp_path
    )
    busy.close()
    assert done.code == code and said in done.error_line


def test_port_that_is_taken_and_gateway_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "{}:{}".format(*taken.getsockname())
        done = muckwatch("gateway", "--listen", address, "--kafka", NOBODY, "--journal", tmp_path / "j")
        assert done.code == 1 and "cannot listen" in done.error_line
    done = muckwatch("simulate", "--tracks", tracks(tmp_path, PLATE), "--gateway", address, "--patience", "0.1")
    assert done.code == 1 and "12 of 12 fixes were not acknowledged" in done.error_line
    empty = write_csv(tmp_path / "none.csv", [])
    assert muckwatch("simulate", "--tracks", empty, "--gateway", address).code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="the system's administrator may open every port")
def test_port_that_is_not_ours(tmp_path: Path) -> None:
    done = muckwatch("gateway", "--listen", "127.0.0.1:808", "--kafka", NOBODY, "--journal", tmp_path / "j")
    assert done.code == 1 and "cannot listen" in done.error_line
