"""Hands do what one process would do: the same results in the same order, and the same errors."""

from __future__ import annotations

import math
import operator
import os
import time

import pytest

from reports.crew import Crew
from reports.errors import StoreError
from reports.hands import LOAD, Hands


@pytest.mark.parametrize("helpers", [0, 1])
def test_results_are_in_the_order_of_the_tasks(helpers: int) -> None:
    with Crew() as crew:
        crew.hire(helpers)
        crew.begin(LOAD, "math")
        with Hands(crew) as hands:
            later = hands.begin([(operator.mul, (n, n)) for n in range(20)])
            assert hands.run([(math.sqrt, (n,)) for n in (4, 9)]) == [2.0, 3.0]
            assert later.done() == [n * n for n in range(20)]
            with pytest.raises((ZeroDivisionError, StoreError), match="zero"):
                hands.run([(operator.truediv, (1, 0))] * 4)
            assert hands.run([(abs, (-1,))]) == [1]  # it goes on


def test_a_member_takes_its_part_unless_the_work_is_this_process_alone() -> None:
    with Crew() as crew:
        crew.hire(1)
        with Hands(crew) as hands:
            assert len(set(hands.run([(pid_after_a_while, ())] * 8))) == 2
            assert set(hands.begin([(os.getpid, ())] * 8, alone=True).done()) == {os.getpid()}


def pid_after_a_while() -> int:
    """Long enough that nobody does all of it."""
    time.sleep(0.05)
    return os.getpid()
