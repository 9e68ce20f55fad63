"""What is odd about a fix, one bit each: nothing is dropped silently, and each rule says which of it it accepts.

A fix that bears a tag that a rule does not accept is no evidence for that rule. Tags of single fixes come from the
columns (`rules.annotate`, `rules.health`), tags of spans from the stays and rules that see them: a `Mark` says either.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag, auto
from typing import NamedTuple


class Tag(IntFlag):
    """What may be odd about a fix."""

    NOT_FIXED = auto()
    JUMP = auto()
    FROZEN = auto()
    REFLECTED = auto()
    SPEED_REFUTED = auto()
    OTHER_DEVICE = auto()
    WRONG_DATUM = auto()
    AXES_SWAPPED = auto()
    CLOCK_SHIFTED = auto()
    WEEK_ROLLOVER = auto()
    CLOCK_DOUBTED = auto()
    ILL_LOAD = auto()
    ILL_LIFT = auto()
    ILL_COVER = auto()

    @property
    def word(self) -> str:
        """Its name outside the program, of one tag: `not_fixed`."""
        return str(self.name).lower()


ALL = ~Tag(0)
#: Read as they must be, such fixes are as good as any; of an ill sensor the word is not believed, the place is.
MENDED = (
    Tag.WRONG_DATUM | Tag.AXES_SWAPPED | Tag.CLOCK_SHIFTED | Tag.WEEK_ROLLOVER | Tag.ILL_LOAD | Tag.ILL_LIFT
)  # fmt: skip

#: What each tag means, and what becomes of such fixes.
MEANING: dict[Tag, str] = {
    Tag.NOT_FIXED: "the terminal itself says that it has no position",
    Tag.JUMP: "a single fix where the truck cannot have been between its neighbours, or off a stand it never left",
    Tag.FROZEN: "one of several fixes at one unmoving place that the truck cannot have been at",
    Tag.REFLECTED: "off the permitted route, or in a zone, by one constant shift for up to two and a half minutes",
    Tag.SPEED_REFUTED: "speed told from the very place of the fix before; counts as standing",
    Tag.OTHER_DEVICE: "of another device under the plate than the one that speaks for the truck",
    Tag.WRONG_DATUM: "told in another datum than the terminal's stops and routes fit; read in that one",
    Tag.AXES_SWAPPED: "longitude and latitude in each other's place; read the right way round",
    Tag.CLOCK_SHIFTED: "time hours off what the order of arrival proves; read at the right time",
    Tag.WEEK_ROLLOVER: "time 1,024 weeks back, as of a receiver whose week count rolled over; read at the right time",
    Tag.CLOCK_DOUBTED: "of a terminal whose times are hours off in some fixes and right in others; read as told",
    Tag.ILL_LOAD: "of a load sensor that contradicts its truck; its word is not believed, the place is",
    Tag.ILL_LIFT: "of a lift sensor that contradicts its truck; its word is not believed, the place is",
    Tag.ILL_COVER: "of a cover sensor that contradicts its truck; its word is not believed, the place is",
}


class Mark(NamedTuple):
    """One tag on some fixes of one device, between two instants (epoch ms, both inclusive)."""

    plate: str
    terminal: str
    tag: Tag
    start_ms: int
    end_ms: int
    fixes: int


def tags_in(tags: Tag) -> list[Tag]:
    """The single tags of a set, in order."""
    return [tag for tag in Tag if tag in tags]


def summed(marks: Iterable[Mark]) -> list[Mark]:
    """One mark a device and tag, from the first to the last of them, in order."""
    sums: dict[tuple[str, str, Tag], Mark] = {}
    for mark in marks:
        key = (mark.plate, mark.terminal, mark.tag)
        had = sums.get(key)
        if had is not None:
            first_ms, last_ms = min(had.start_ms, mark.start_ms), max(had.end_ms, mark.end_ms)
            mark = Mark(*key, first_ms, last_ms, had.fixes + mark.fixes)
        sums[key] = mark
    return [sums[key] for key in sorted(sums)]
