"""The load word: stray words do not flip it, and it does not matter in how many pieces a run arrives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.load_word import FLIP_FIXES, FORGET_MS, Flip, LoadWord
from rules.stretches import Stretch


def rows(words: list[tuple[int, int]], every_ms: int = 10_000) -> list[Stretch]:
    made, at_ms = [], 0
    for key, n in words:
        made.append(Stretch(key, at_ms, at_ms + (n - 1) * every_ms, n, every_ms, 0, 0, 0, 0, 0, 0, 0, 0, 0.0))
        at_ms += n * every_ms
    return made


def flips(words: list[tuple[int, int]]) -> list[Flip]:
    return LoadWord().hear(rows(words))[1]


def test_a_load_is_dated_to_its_first_word() -> None:
    assert flips([(0, 20), (1, 30), (0, 10)]) == [Flip(True, 200_000, 190_000), Flip(False, 500_000, 490_000)]


def test_stray_words_do_not_flip() -> None:
    assert flips([(0, 20), (1, FLIP_FIXES - 1), (0, 20), (1, 1), (0, 5)]) == []


def test_words_that_contradict_now_and_then_do_not_hide_a_load() -> None:
    found = flips([(0, 20), (1, 2), (0, 1), (1, 9), (0, 1), (1, 9)])
    assert [f.loaded for f in found] == [True]
    assert found[0].at_ms == 200_000


def test_silence_of_the_sensor_is_no_word() -> None:
    assert flips([(0, 20), (-1, 50), (0, 20)]) == []


def test_a_sensor_that_falls_silent_for_long_starts_anew() -> None:
    state, _ = LoadWord().hear(rows([(0, 20), (-1, FORGET_MS // 10_000 + 10)]))
    assert state == LoadWord()


@given(st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.integers(1, 9)), min_size=1, max_size=30), st.data())
def test_pieces_do_not_matter(words: list[tuple[int, int]], data: st.DataObject) -> None:
    whole = rows(words)
    pieces = []
    for row in whole:
        cut = data.draw(st.integers(0, row.n - 1))
        if cut:
            middle = row.start_ms + cut * 10_000
            pieces += [row._replace(n=cut, end_ms=middle - 10_000), row._replace(n=row.n - cut, start_ms=middle)]
        else:
            pieces.append(row)
    assert LoadWord().hear(whole) == LoadWord().hear(pieces)


def test_a_sensor_that_is_silent_just_short_of_that_is_still_the_same() -> None:
    silent = FORGET_MS // 10_000 - 2
    state, _ = LoadWord().hear(rows([(0, 20), (-1, silent)]))
    assert state.loaded is False
    assert flips([(0, 20), (-1, silent), (1, 20)]) == [Flip(True, (20 + silent) * 10_000, 190_000)]


def with_gap(before: list[tuple[int, int]], gap_ms: int, after: list[tuple[int, int]]) -> list[Stretch]:
    first = rows(before)
    shift_ms = first[-1].end_ms + gap_ms
    return [*first, *(r._replace(start_ms=r.start_ms + shift_ms, end_ms=r.end_ms + shift_ms) for r in rows(after))]


def test_a_lone_word_before_a_gap_is_no_beginning() -> None:
    told = with_gap([(1, 30), (0, 1)], 500_000, [(0, 20)])
    assert LoadWord().hear(told)[1] == [Flip(False, 800_000, 300_000)], "the load went in the gap"
    assert LoadWord().hear(with_gap([(1, 30), (0, 2)], 500_000, [(0, 20)]))[1] == [Flip(False, 300_000, 290_000)]


def test_a_lone_first_word_that_the_next_contradict_was_no_load() -> None:
    assert flips([(1, 1), (0, 9)]) == []
    assert flips([(1, 1), (0, 9), (1, 9)]) == [Flip(True, 100_000, 90_000)]
    assert flips([(1, 2), (0, 9)]) == [Flip(False, 20_000, 10_000)]


def test_a_first_word_after_a_silence_is_a_beginning_however_seldom_the_next_come() -> None:
    parked = [r._replace(start_ms=k * 285_000, end_ms=k * 285_000) for k, r in enumerate(rows([(0, 1)] * 5))]
    after = [r._replace(start_ms=r.start_ms + 1_200_000, end_ms=r.end_ms + 1_200_000) for r in parked]
    assert LoadWord().hear([*rows([(1, 30)]), *after])[1] == [Flip(False, 1_200_000, 290_000)]


def test_after_a_silence_two_words_are_enough() -> None:
    assert LoadWord().hear(with_gap([(1, 30)], 700_000, [(0, 2), (1, 9)]))[1][0] == Flip(False, 990_000, 290_000)
    assert LoadWord().hear(with_gap([(1, 30)], 500_000, [(0, 2), (1, 9)]))[1] == [], "that was no silence"
    assert LoadWord().hear(with_gap([(1, 30)], 700_000, [(1, 2), (0, 2), (1, 9)]))[1] == [], "its word was the same"
