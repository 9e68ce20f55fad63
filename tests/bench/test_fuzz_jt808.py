"""A small run of the fuzzer, and that it would see what it looks for."""

from __future__ import annotations

import pytest

from bench import fuzz_jt808
from ingest.jt808.frames import REASONS, BadFrame


def test_mutants_raise_nothing_else_and_hide_no_good_frame() -> None:
    found = fuzz_jt808.fuzz(10_000, seed=3)
    assert found.faults == [] and found.good == found.inputs == 10_000
    assert set(found.refused) == set(REASONS)  # every way of being refused was met
    assert {"Location", "Batch", "Register", "Authenticate", "Part", "Unknown"} <= set(found.read)


def test_fuzzer_sees_another_exception_and_a_lost_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    real = fuzz_jt808.decode

    def faulty(wire: bytes) -> object:
        if wire[-1] == 0x11:
            raise IndexError("planted")
        if wire[-1] == 0x12:
            raise BadFrame("too_short")
        return real(wire)

    monkeypatch.setattr(fuzz_jt808, "decode", faulty)
    faults = fuzz_jt808.fuzz(2_000, seed=3).faults
    assert any("planted" in fault for fault in faults) and any("not decoded" in fault for fault in faults)
