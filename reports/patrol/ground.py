"""What a patrol plan stands on: the registry recorded last and its roads as a network in metres."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reports import queries
from reports.registry_copies import REGISTRY_FOLDER
from reports.roads import Roads, read_roads
from reports.store import Store
from rules.plane import Plane
from rules.registry import Registry

ROADS_FILE = "roads.geojson"


@dataclass(frozen=True)
class Ground:
    """What a plan stands on: the registry, its roads, metres."""

    registry: Registry
    roads: Roads

    @classmethod
    def of(cls, store: Store, roads_file: Path | None = None) -> Ground:
        """Reads the registry recorded last, and the roads of the file given or of the registry's own copy.

        Raises:
            ValueError: a file of roads that is none.
            StoreError: a store without a run.
        """
        registry = queries.registry_of(store)
        file = roads_file or store.path / REGISTRY_FOLDER / registry.digest / ROADS_FILE
        stamp = file.stat().st_mtime_ns if roads_file or file.is_file() else 0
        key = (file, stamp, registry.digest)
        if key not in _ROADS_KEPT:
            _ROADS_KEPT.clear()
            _ROADS_KEPT[key] = _roads(file, stamp, registry)
        return cls(registry, _ROADS_KEPT[key])


#: The network of the store asked for last: every plan, yield and map of it asks again, and cutting roads takes seconds.
_ROADS_KEPT: dict[tuple[Path, int, str], Roads] = {}


def _roads(file: Path, stamp: int, registry: Registry) -> Roads:
    """Roads of a file (none where `stamp` is 0) around a registry."""
    told = read_roads(file, registry.policy.registry_datum) if stamp else ()
    shapes = [x.polygon for group in (registry.sites, registry.zones, registry.districts) for x in group]
    shapes += [r.line for p in registry.permits for r in p.routes] + [road.line for road in told]
    return Roads(Plane.around(shapes) if shapes else Plane(0.0, 0.0), told)
