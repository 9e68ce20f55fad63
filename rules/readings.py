"""What is read otherwise than a terminal told it, as its health says: clocks, exchanged axes, rolled-over weeks."""

from __future__ import annotations

from dataclasses import replace

from ingest.second_look import AXES, WEEKS, Otherwise
from rules.findings import TerminalHealth
from rules.fleet import Fleet
from rules.health import told
from rules.tags import Mark, Tag

_WHY = {
    AXES: "longitude and latitude exchanged in {fixes} fixes; read the right way round",
    WEEKS: "times 1,024 weeks back in {fixes} fixes (GPS week roll-over); read at the right time",
}
#: The tag of fixes that were read otherwise.
TAG_OF_WAY = {AXES: Tag.AXES_SWAPPED, WEEKS: Tag.WEEK_ROLLOVER}


def with_readings(health: list[TerminalHealth], fleet: Fleet) -> list[TerminalHealth]:
    """The health of terminals with the clocks found hours off, and with the fixes that were read otherwise."""
    otherwise: dict[tuple[str, str], list[Otherwise]] = {}
    for found in fleet.otherwise:
        otherwise.setdefault((found.plate, found.terminal), []).append(found)
    said = []
    for one in health:
        off_ms = fleet.clocks_ms.get((one.plate, one.terminal))
        if off_ms is not None:
            way = "behind" if off_ms > 0 else "ahead"
            why = f"clock {abs(off_ms) // 3_600_000} h {way} of the trucks heard at the same time; judged in their time"
            mark = Mark(one.plate, one.terminal, Tag.CLOCK_SHIFTED, one.first_ms, one.last_ms, one.fixes)
            one = _with(one, "clock", why, mark)
        for found in otherwise.get((one.plate, one.terminal), ()):
            mark = Mark(found.plate, found.terminal, TAG_OF_WAY[found.way], found.first_ms, found.last_ms, found.fixes)
            one = _with(one, found.way, _WHY[found.way].format(fixes=f"{found.fixes:,}"), mark)
        said.append(one)
    return said


def _with(one: TerminalHealth, fault: str, why: str, mark: Mark) -> TerminalHealth:
    """A terminal with one more fault; its fixes are counted where the health is of the time that the mark is of."""
    faults = {**one.faults, fault: {"why": why, "since_ms": mark.start_ms}}
    whole = one.first_ms <= mark.start_ms and mark.end_ms <= one.last_ms
    return replace(one, faults=faults, tags={**one.tags, **told([mark])} if whole else one.tags)
