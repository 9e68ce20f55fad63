"""The journal: what was appended comes back in order, after kills, torn ends, damage and full disks."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.gateway.journal import Journal, JournalBusy, JournalError
from ingest.gateway.outgoing import Outgoing


def record(n: int, size: int = 20) -> Outgoing:
    return Outgoing("fixes", b"key", f"{n}:".encode().ljust(size, b"."))


def number(one: Outgoing) -> int:
    return int(one.value.split(b":")[0])


def drained(journal: Journal, most_bytes: int = 1000) -> list[int]:
    found = []
    while not journal.empty:
        records, end = journal.peek(most_bytes)
        found += [number(one) for one in records]
        journal.advance(end)
    return found


def test_records_come_back_in_order_over_segments(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=500)
    for start in range(0, 100, 5):
        journal.append([record(n) for n in range(start, start + 5)])
    assert len(list(tmp_path.glob("*.journal"))) > 5
    assert drained(journal) == list(range(100))
    assert not list(tmp_path.glob("*.journal")) and journal.waiting_bytes == 0
    journal.append([record(100)])
    assert drained(journal) == [100]


@settings(deadline=None)  # it waits for the disk
@given(st.lists(st.sampled_from(["append", "drain", "peek", "again"]), max_size=40), st.integers(100, 2000))
def test_any_order_of_writing_draining_and_starting_anew(steps: list[str], segment_bytes: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal, written, read = Journal(Path(folder), segment_bytes=segment_bytes), 0, 0
        for step in steps:
            if step == "append":
                journal.append([record(written + k) for k in range(3)])
                written += 3
            elif step == "again":
                journal.close()
                journal = Journal(Path(folder), segment_bytes=segment_bytes)
            else:
                records, end = journal.peek(100)
                assert [number(one) for one in records] == list(range(read, read + len(records)))
                if step == "drain":
                    journal.advance(end)
                    read += len(records)
            assert journal.empty == (read == written)
        assert drained(journal) == list(range(read, written))
        journal.close()


def test_folder_belongs_to_one_process(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(JournalBusy, match="another gateway"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()


@pytest.mark.parametrize("cut", [1, 7, 9, 20, 35])
def test_end_that_was_torn_by_a_kill_is_left_out(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path)
    journal.append([record(1)])
    journal.append([record(2)])
    journal.close()
    (segment,) = tmp_path.glob("*.journal")
    segment.write_bytes(segment.read_bytes()[:-cut])
    again = Journal(tmp_path)
    again.append([record(3)])
    assert drained(again) == [1, 3]
    assert again.damaged_bytes > 0 and not list(tmp_path.glob("*.damaged"))


def test_damage_is_kept_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100)
    for n in range(9):
        journal.append([record(n)])
    journal.close()
    second = sorted(tmp_path.glob("*.journal"))[1]
    data = bytearray(second.read_bytes())
    data[30] ^= 1
    second.write_bytes(data)
    again = Journal(tmp_path)
    found = drained(again)
    assert found == sorted(found) and {0, 1, 2, 8} <= set(found) and len(found) < 9
    assert len(list(tmp_path.glob("*.damaged"))) == 1


def test_position_that_cannot_be_read_repeats_and_loses_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append([record(n) for n in range(5)])
    _, end = journal.peek(60)
    journal.advance(end)
    journal.close()
    (tmp_path / "position").write_text("")
    assert drained(Journal(tmp_path)) == [0, 1, 2, 3, 4]


def test_full_journal_takes_nothing_until_it_is_drained(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=1000, segment_bytes=300)
    taken = 0
    with pytest.raises(JournalError, match="full"):
        while True:
            journal.append([record(taken)])
            taken += 1
    assert drained(journal) == list(range(taken))
    journal.append([record(taken)])
    assert drained(journal) == [taken]


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_failed_write_counts_for_nothing_and_the_next_one_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    journal, real, ill = Journal(tmp_path), getattr(os, call), [False]

    def failing(descriptor: int, *data: bytes) -> object:
        if ill[0]:
            if data:
                real(descriptor, data[0][:7])  # some of it arrives
            raise OSError(code, os.strerror(code))
        return real(descriptor, *data)

    monkeypatch.setattr(os, call, failing)
    journal.append([record(0)])
    for n in range(1, 10):
        ill[0] = n % 3 != 0
        if ill[0]:
            with pytest.raises(JournalError, match=os.strerror(code)):
                journal.append([record(n)])
        else:
            journal.append([record(n)])
    journal.close()
    monkeypatch.undo()
    assert drained(Journal(tmp_path)) == [0, 3, 6, 9]


def test_disk_that_is_full_and_has_room_again(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; the kernel refuses either in the same way."""
    journal = Journal(tmp_path)
    journal.append([record(0)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(JournalError):
            journal.append([record(1, size=500)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.append([record(2)])
    assert drained(journal) == [0, 2]


WRITER = """
import sys
from pathlib import Path
from ingest.gateway.journal import Journal
from ingest.gateway.outgoing import Outgoing
journal, n = Journal(Path(sys.argv[1]), segment_bytes=2000), int(sys.argv[2])
while True:
    journal.append([Outgoing("fixes", b"k", b"%d:" % n), Outgoing("fixes", b"k", b"%d:" % (n + 1))])
    n += 2
    print(n, flush=True)
"""


def test_what_was_acknowledged_survives_kills(tmp_path: Path) -> None:
    chance, told = random.Random(7), 0
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(told)], stdout=subprocess.PIPE)
        assert process.stdout
        for _ in range(chance.randrange(3, 60)):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split(b"\n")
        told = max([told, *(int(line) for line in rest[:-1] if line)])
        process.wait()
    found = drained(Journal(tmp_path))
    assert set(range(told)) <= set(found)
    assert list(dict.fromkeys(found)) == sorted(set(found))  # what was not told may be there twice
