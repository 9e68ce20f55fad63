"""A registry of two companies in two streets, and a store of findings about their trucks, for the review pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ingest.fix import FIX_SCHEMA
from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord, Tally
from reports.store import Store
from rules.findings import Findings, TerminalHealth, Violation
from rules.registry.loading import load_with_files

#: Monday 2026-11-16 00:00 in Shanghai.
MONDAY_MS = 1_794_758_400_000
MINUTE_MS, DAY_MS = 60_000, 86_400_000
TRUCKS = {"苏A10001": "c1", "苏A10002": "c1", "苏A20001": "c2"}
RULES = ("unauthorised_dumping", "off_route", "overspeed", "daytime_not_whitelisted")


def _square(lon: float, lat: float, half: float) -> dict[str, object]:
    west, east, south, north = lon - half, lon + half, lat - half, lat + half
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def _features(*listed: tuple[dict[str, object], dict[str, object]]) -> str:
    found = [{"type": "Feature", "geometry": shape, "properties": told} for shape, told in listed]
    return json.dumps({"type": "FeatureCollection", "features": found}, ensure_ascii=False)


def write_city(folder: Path, trucks: dict[str, str], names: tuple[str, str] = ("甲运输公司", "乙运输公司")) -> None:
    """The registry folder."""
    folder.mkdir(parents=True)
    quoted = ['"' + name.replace('"', '""') + '"' for name in (*names, *trucks)]
    rows = "".join(
        f"{plate},{c},01390000{n:04d},ordinary\n"
        for n, (plate, c) in enumerate(zip(quoted[2:], trucks.values(), strict=True))
    )
    site = {"valid_from": "2025-01-01", "valid_to": ""}
    line = {"type": "LineString", "coordinates": [[118.70, 32.0], [118.80, 32.0]]}
    files = {
        "companies.csv": f"company_id,name\nc1,{quoted[0]}\nc2,{quoted[1]}\n",
        "vehicles.csv": f"plate,company_id,terminal,kind\n{rows}",
        "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
        "p1,c1,s1,x1,,20:00-05:00,2026-11-01,2026-11-30\n",
        "sites.geojson": _features(
            (_square(118.70, 32.0, 0.002), {"site_id": "s1", "name": "东工地", "kind": "construction", **site}),
            (_square(118.80, 32.0, 0.002), {"site_id": "x1", "name": "西消纳场", "kind": "disposal", **site}),
        ),
        "routes.geojson": _features((line, {"permit_no": "p1"})),
        "districts.geojson": _features(
            (_square(118.72, 32.0, 0.03), {"district_id": "d1", "name": "东街道"}),
            (_square(118.78, 32.0, 0.029), {"district_id": "d2", "name": "西街道"}),
        ),
        "policy.toml": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def findings(trucks: dict[str, str], each: int) -> list[Violation]:
    """So many violations of every truck, of all rules by turns, in both streets."""
    found = []
    for truck, (plate, company) in enumerate(trucks.items()):
        for n in range(each):
            rule, start = RULES[n % len(RULES)], MONDAY_MS + (n * 97 + truck * 7) * MINUTE_MS
            evidence = {"rule_version": "1", "duration_s": 600 + n, "top_speed_kmh": 71.0, "fixes": [start]}
            points = {"unauthorised_dumping": 20, "daytime_not_whitelisted": 5}.get(rule, 3)
            found.append(
                Violation(
                    rule, plate, start, start + 10 * MINUTE_MS, 118.71 + n % 7 * 0.01, 32.0, 0.5 + n % 50 / 100, points,
                    company_id=company, permit_no="p1", district_id=f"d{n // 2 % 2 + 1}", evidence=evidence,
                )
            )  # fmt: skip
    return found


def tracks(plates: Iterable[str], minutes: int = 600) -> pl.DataFrame:
    """A fix a minute of each truck, going to and fro."""
    parts = []
    for plate in plates:
        at = pl.int_range(minutes, eager=True)
        parts.append(
            pl.DataFrame({"n": at}).select(
                plate=pl.lit(plate),
                time_ms=MONDAY_MS + pl.col("n") * MINUTE_MS,
                lon=118.70 + (pl.col("n") % 40) * 0.0025,
                lat=pl.lit(32.0),
                datum=pl.lit("wgs84"),
                speed_kmh=pl.lit(31.5),
                load=pl.lit("full"),
                valid=pl.col("n") % 50 != 7,
                terminal=pl.lit("013900000001"),
            )
        )
    whole = pl.concat(parts)
    missing = [pl.lit(None).alias(name) for name in FIX_SCHEMA if name not in whole.columns]
    return whole.with_columns(missing).select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA))


def fill_city(
    registry_folder: Path, store_folder: Path, trucks: dict[str, str] | None = None, each: int = 60,
    names: tuple[str, str] = ("甲运输公司", "乙运输公司"),
) -> None:  # fmt: skip
    """Writes the registry, and a store that one run over it has filled."""
    trucks = trucks or TRUCKS
    write_city(registry_folder, trucks, names)
    registry, files = load_with_files(registry_folder)
    violations = findings(trucks, each)
    end = MONDAY_MS + 7 * DAY_MS
    tags = {"frozen": {"fixes": 41, "first_ms": MONDAY_MS + 7 * MINUTE_MS, "last_ms": MONDAY_MS + 19 * MINUTE_MS}}
    clock = {"clock": {"why": "clock 8 h ahead of the trucks heard at the same time; judged in their time"}}
    clock["clock"]["since_ms"] = MONDAY_MS + 5 * MINUTE_MS  # type: ignore[assignment]
    of_terminal = (MONDAY_MS, end, 600, 0.97, "wgs84", clock, tags)
    health = [TerminalHealth(plate, "013900000001", *of_terminal) for plate in trucks]
    head = RunHead(registry, files, "i" * 64, "1.0", end + DAY_MS, "muckwatch run")
    with Store.open(store_folder, create=True) as store:
        archive = archive_fixes(store.path, tracks(trucks), registry.zone)
        spans = {plate: (MONDAY_MS, end) for plate in trucks}
        store.record(RunRecord(head, Findings(violations, [], [], health), spans, Tally(600 * len(trucks)), archive))
