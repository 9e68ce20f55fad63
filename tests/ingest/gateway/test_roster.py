"""Who is let in under which plate, and what is remembered of terminals."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from station import PLATES

from ingest.gateway.roster import Refused, Roster
from ingest.jt808.dialect import load_dialects
from ingest.jt808.messages import Register


@pytest.mark.parametrize(("said", "colour"), [("苏a·00001", 2), ("苏A 00001", 1), ("LSVAM4187C2184841", 0)])
def test_plate_may_be_written_otherwise_and_a_vin_is_none(tmp_path: Path, said: str, colour: int) -> None:
    roster = Roster(tmp_path, PLATES, load_dialects())
    code = roster.register("013900000001", Register(32, 100, "EEYE", "EGS701", "1", colour, said))
    terminal, plate, dialect = roster.authenticate("013900000001", code)
    assert (terminal, plate, dialect.name) == ("013900000001", "苏A00001", "egs701")
    roster.close()


def test_full_disk_keeps_no_terminal_out(tmp_path: Path) -> None:
    roster = Roster(tmp_path, PLATES, load_dialects())
    about = lambda plate: Register(32, 100, "EEYE", "EGS701", "1", 2, plate)
    first = roster.register("013900000001", about("苏A00001"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        code = roster.register("013900000002", about("苏A00002"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert roster.authenticate("013900000002", code)[1] == "苏A00002"
    third = roster.register("013900000003", about("苏A00003"))
    roster.close()
    again = Roster(tmp_path, PLATES, load_dialects())
    assert again.authenticate("013900000001", first) and again.authenticate("013900000003", third)
    with pytest.raises(Refused, match="013900000002"):
        again.authenticate("013900000002", code)
    again.close()


def test_code_of_another_terminal_or_another_gateway_opens_nothing(tmp_path: Path) -> None:
    said = Register(32, 100, "EEYE", "EGS701", "1", 2, "")
    here, there = (Roster(folder, PLATES, load_dialects()) for folder in (tmp_path / "a", tmp_path / "b"))
    code, other = here.register("013900000001", said), here.register("013900000002", said)
    assert code != other and there.register("013900000001", said) != code
    for wrong in (other, "", code[:-1], code.upper() + "x", "密"):
        with pytest.raises(Refused) as caught:
            here.authenticate("013900000001", wrong)
        assert caught.value.reason == "wrong_code"
    assert (tmp_path / "a" / "secret").stat().st_mode & 0o777 == 0o600
    here.close()
    there.close()


def test_truck_that_changes_its_plate_in_the_registry_needs_no_new_code(tmp_path: Path) -> None:
    roster = Roster(tmp_path, {"1": "苏A1"}, load_dialects())
    code = roster.register("000000000001", Register(32, 100, "E", "M", "1", 2, "苏A1"))
    roster.renew({"1": "苏B2"})
    assert roster.authenticate("000000000001", code)[1] == "苏B2"
    roster.renew({})
    with pytest.raises(Refused):
        roster.authenticate("000000000001", code)
    roster.close()


def test_numbers_that_differ_by_zeros_only_are_not_guessed(tmp_path: Path) -> None:
    roster = Roster(tmp_path, {"13900000001": "苏A1", "0013900000001": "苏A2"}, load_dialects())
    with pytest.raises(Refused):
        roster.register("013900000001", Register(32, 100, "E", "M", "1", 2, ""))
    roster.close()
