"""GeoJSON files of the registry as features, with the faults of the file's own form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rules.registry.faults import FileFaults, closest, shown
from rules.registry.row import Row

_CRS_OF_DEGREES = ("CRS84", "4326", "4490")


@dataclass(frozen=True)
class Feature(Row):
    """A feature: its properties as a row, and its geometry as JSON gave it."""

    geometry: Any


def read_features(text: str, key: str, properties: Sequence[str], faults: FileFaults) -> list[Feature] | None:
    """Reads a FeatureCollection.

    Args:
        text: the file's text.
        key: the property that names a feature in messages.
        properties: those that are read; a property nearly named so gets a warning.
        faults: told of everything wrong with the file's form.

    Returns:
        The features, numbered from 1 in their `where`; None if there is no list of features.
    """
    if not text.strip():
        faults.error("", "", "file is empty", "a GeoJSON FeatureCollection")
        return None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        faults.error(f"line {error.lineno}", "", f"is not JSON: {error.msg} (column {error.colno})", "GeoJSON")
        return None
    except (RecursionError, ValueError) as error:
        faults.error("", "", f"is not JSON that can be read: {error}", "GeoJSON")
        return None
    if not isinstance(found, dict) or found.get("type") != "FeatureCollection":
        kind = found.get("type") if isinstance(found, dict) else found
        faults.error("", "type", f"{shown(kind)} is not a FeatureCollection", "FeatureCollection")
        return None
    if not isinstance(found.get("features"), list):
        faults.error("", "features", "is not a list", "a list of features")
        return None
    _check_crs(found.get("crs"), faults)
    features = [
        feature
        for number, told in enumerate(found["features"], start=1)
        if (feature := _feature(told, number, key, faults)) is not None
    ]
    _check_names(features, properties, faults)
    return features


def _feature(told: Any, number: int, key: str, faults: FileFaults) -> Feature | None:
    where = f"feature {number}"
    if not isinstance(told, dict) or told.get("type") != "Feature":
        faults.error(where, "type", "is not a Feature", "Feature")
        return None
    values = told.get("properties")
    if values is None:
        values = {}
    if not isinstance(values, dict):
        faults.error(where, "properties", f"{shown(values)} is not an object", "an object of named values")
        return None
    name = values.get(key)
    if isinstance(name, str | int) and not isinstance(name, bool) and str(name).strip():
        where += f" ({str(name).strip()[:40]})"
    return Feature(where, values, faults, told.get("geometry"))


def _check_crs(crs: Any, faults: FileFaults) -> None:
    """RFC 7946 has no `crs`, but older programs write it; another system than degrees is named there."""
    if crs is not None and not any(name in json.dumps(crs) for name in _CRS_OF_DEGREES):
        problem = f"{shown(crs)} is not applied; positions are read as degrees in the policy's registry_datum"
        faults.warn("", "crs", problem, "no crs (RFC 7946)")


def _check_names(features: Sequence[Feature], properties: Sequence[str], faults: FileFaults) -> None:
    """A misspelt property would silently be as if it were empty."""
    nearly: dict[str, str] = {}
    for feature in features:
        for name in feature.values.keys() - set(properties):
            if name not in nearly:
                nearly[name] = closest(name, properties, cutoff=0.75)
                if nearly[name] and nearly[name] not in feature.values:
                    problem = f"property {shown(name)} is not read; is {nearly[name]!r} meant?"
                    faults.warn(feature.where, name, problem, ", ".join(properties))
