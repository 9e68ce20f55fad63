"""A week's maps as files, drawn by all hands: trucks in shares, then the pages and pictures of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from maps.basemap import BaseMap
from maps.gather import Source
from maps.index_page import IndexRow, index_page
from maps.trip_page import trip_map
from maps.week_of_maps import Share, WeekOfMaps, page_name, write_page
from maps.week_page import WeekMap, week_map
from reports import queries
from reports.calendar import Week
from reports.crew import Crew, cores
from reports.hands import LOAD, Hands, Task
from reports.lending import lent, store_at
from reports.patrol.model import PatrolPlan
from reports.store import Store

#: From so many violations on, another process is worth the second in which it starts.
CREW_FROM = 60


@dataclass(frozen=True)
class WeekMapFiles:
    """The files of a week's maps. Iterating gives those to open first: the week's map and the index.

    `trips` and `violations` map ids to the page that shows them; a violation of a trip is on the trip's page.
    """

    week_map: Path
    index: Path
    trips: dict[str, Path]
    violations: dict[str, Path]
    data: WeekMap | None = None

    def __iter__(self) -> Iterator[Path]:
        return iter((self.week_map, self.index))

    @property
    def pages(self) -> list[Path]:
        """The pages of trips and single violations, each once."""
        return sorted({*self.trips.values(), *self.violations.values()})


@dataclass(frozen=True)
class WeekJob:
    """What another process needs to open the same week."""

    store: Path
    week: Week
    out_dir: Path
    tiles: BaseMap | None
    roads: Path | None


class WeekDrawing:
    """A week's maps on their way to files: all hands begin with the trucks at once."""

    def __init__(
        self, store: Store, week: Week, out_dir: Path, hands: Hands, *, tiles: BaseMap | None = None,
        roads: Path | None = None, on_progress: Callable[[int, int], None] | None = None,
    ) -> None:  # fmt: skip
        out_dir.mkdir(parents=True, exist_ok=True)
        self.week, self.out_dir = week, out_dir
        self._job = WeekJob(store.path, week, out_dir, tiles, roads)
        self.gathered = WeekOfMaps(Source(store, roads, tiles), week, on_progress)
        tasks = [(_draw_share, (self._job, plates)) for plates in self.gathered.shares()]
        # Nobody else may read a store that is open for writing.
        self._shares = hands.begin(tasks, alone=store.writable)

    def data(self) -> WeekMap:
        """The week, once all its trucks are done and their pages written."""
        _OPEN[self._job] = self.gathered
        try:
            shares: list[Share] = self._shares.done()
        finally:
            del _OPEN[self._job]
        return self.gathered.told(shares)

    def tasks(self, data: WeekMap) -> list[Task]:
        """What is left to write: the week's map and the index."""
        return [
            (_draw_week, (data, self._week_file)),
            (_draw_index, (data, self._week_file, self._index_file, self.gathered.index_rows())),
        ]

    def files(self, data: WeekMap) -> WeekMapFiles:
        """All files, once the tasks are done."""
        trips = {i: self.out_dir / page_name("trip", i) for i in self.gathered.trips_by_id}
        violations = {i: self.out_dir / name for i, name in self.gathered.pages.items()}
        return WeekMapFiles(self._week_file, self._index_file, trips, violations, data)

    @property
    def _week_file(self) -> Path:
        return self.out_dir / f"week-{self.week}.html"

    @property
    def _index_file(self) -> Path:
        return self.out_dir / f"index-{self.week}.html"


def write_week_maps(
    store: Store, week: Week, out_dir: Path, on_progress: Callable[[int, int], None] | None = None,
    tiles: BaseMap | None = None, roads: Path | None = None, plan: PatrolPlan | None = None,
) -> WeekMapFiles:  # fmt: skip
    """Writes a week's map, a page for each flagged trip and for each flagged violation without one, and an index.

    Args:
        store: an open store.
        week: the week, by operating night.
        out_dir: where to; made if it is not there.
        on_progress: told how many trucks of how many are done here.
        tiles: what lies under the maps besides our own roads; only a server makes a page ask for anything.
        roads: a GeoJSON file of roads instead of the registry's.
        plan: suggested checkpoints, drawn on the week's map.
    """
    with lent(store), Crew() as crew:
        span = week.span_ms(queries.registry_of(store).policy)
        if not store.writable and queries.violations_between(store, *span).height >= CREW_FROM:
            crew.hire(cores() - 1)
            crew.begin(LOAD, __name__)
        with Hands(crew) as hands:
            drawing = WeekDrawing(store, week, out_dir, hands, tiles=tiles, roads=roads, on_progress=on_progress)
            data = replace(drawing.data(), plan=plan)
            hands.run(drawing.tasks(data))
    return drawing.files(data)


#: Weeks that this process has opened: its own, and in a helper the one that it is asked for, until it ends.
_OPEN: dict[WeekJob, WeekOfMaps] = {}


def _draw_share(job: WeekJob, plates: tuple[str, ...]) -> Share:
    """Gathers some trucks and writes their pages."""
    store = store_at(job.store)
    if job not in _OPEN or _OPEN[job].source.store is not store:
        _OPEN.clear()
        _OPEN[job] = WeekOfMaps(Source(store, job.roads, job.tiles), job.week)
    return _OPEN[job].gather(plates, lambda name, page: write_page(job.out_dir / name, trip_map(page)))


def _draw_week(data: WeekMap, file: Path) -> None:
    write_page(file, week_map(data))


def _draw_index(data: WeekMap, week_file: Path, file: Path, rows: list[IndexRow]) -> None:
    write_page(file, index_page(data.title, data.subtitle, week_file.name, rows))
