"""The load sensor's word read as a two-state process: a lone contradiction costs less than two switches.

Evidence against the present state adds up fix by fix and is worn off by fixes that agree; the state flips once enough
has gathered, and the flip is dated back to where the evidence began. Counting is linear, so it does not matter in how
many pieces a run of like words arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from rules.annotate import UNKNOWN
from rules.stretches import DARK_MS, WORD_GAP_MS, Stretch

FLIP_FIXES = 4  # contradictions in hand that flip the state: three stray words in a row do not
FORGET_MS = 3_600_000  # a sensor that has said nothing for so long is no sensor any more
FIRST_WORDS = 2  # fewer at the very beginning are as likely stray as true: what contradicts them is no flip
DARK_CREDIT = 2  # after a dark gap so many contradictions fewer flip the state, until as many words have agreed with it


@dataclass(frozen=True)
class Flip:
    """The load came (`loaded`) or went at `at_ms`, the first fix that says so; `last_ms` is the last that did not."""

    loaded: bool
    at_ms: int
    last_ms: int


class LoadWord(msgspec.Struct, frozen=True):
    """State of the reading: `loaded` is None before the sensor has spoken for itself."""

    loaded: bool | None = None
    against: int = 0
    onset_ms: int = 0
    before_ms: int = 0
    heard_ms: int = 0
    credit: int = 0
    agreed: int = 0  # words that agreed with the state, counted no further than `FIRST_WORDS`

    def hear(self, rows: list[Stretch]) -> tuple[LoadWord, list[Flip]]:
        """Takes in a truck's next stretches of load words; gives the new state and the flips found."""
        loaded, against, onset_ms, before_ms, heard_ms, credit, agreed = msgspec.structs.astuple(self)
        flips: list[Flip] = []
        for row in rows:
            if row.key == UNKNOWN:
                if loaded is not None and row.end_ms - heard_ms > FORGET_MS:
                    loaded, against, onset_ms, before_ms, heard_ms, credit, agreed = None, 0, 0, 0, 0, 0, 0
                continue
            word = bool(row.key)
            gap_ms = row.start_ms - heard_ms
            lone = against == 1 and onset_ms - before_ms <= DARK_MS  # a first word after the dark is no stray one
            if loaded is not None and gap_ms > WORD_GAP_MS and lone and word != loaded:
                onset_ms, before_ms = row.start_ms, heard_ms  # a lone word before a gap is no beginning
            if loaded is not None and gap_ms > DARK_MS:
                credit = DARK_CREDIT
            if loaded is None or word == loaded:
                loaded, against, credit = word, max(0, against - row.n), max(0, credit - row.n)
                agreed = min(FIRST_WORDS, agreed + row.n)
            else:
                if not against:
                    onset_ms, before_ms = row.start_ms, heard_ms
                against += row.n
                if against >= FLIP_FIXES - credit:
                    if agreed >= FIRST_WORDS:
                        flips.append(Flip(word, onset_ms, before_ms))
                    loaded, against, credit, agreed = word, 0, 0, FIRST_WORDS
            heard_ms = row.end_ms
        return LoadWord(loaded, against, onset_ms, before_ms, heard_ms, credit, agreed), flips
