"""Every fault that a registry can have, as the smallest change to a sound folder that provokes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from registry_folder import (
    LAT,
    LON,
    TABLES,
    Change,
    add,
    collection,
    feature,
    line,
    more,
    polygon,
    props,
    ring,
    shape,
    swap,
)

from rules.registry import MAX_PERMITS_OF_PLATE


class Case(NamedTuple):
    """What is changed, and the one fault that must be named: file, where, field, words of its line, severity."""

    change: Mapping[str, Change]
    file: str
    where: str
    field: str
    words: str
    severity: str = "error"


def wrong(file: str, *rows: tuple[Change, str, str, str], severity: str = "error") -> list[Case]:
    """Changes to one file that are a fault of that file: the change, where, field, words."""
    return [Case({file: change}, file, where, field, words, severity) for change, where, field, words in rows]


def site(geometry: Any, words: str) -> Case:
    """A sixth site whose geometry is wrong."""
    added = more(feature(geometry, site_id="X1", kind="other"))
    return Case({"sites.geojson": added}, "sites.geojson", "feature 6 (X1)", "geometry", words)


def area(words: str, *rings: Any) -> Case:
    return site({"type": "Polygon", "coordinates": list(rings)}, words)


def route(words: str, *positions: list[Any]) -> Case:
    """The first route with other positions."""
    change = shape(1, line(*positions))
    return Case({"routes.geojson": change}, "routes.geojson", "feature 1 (P1)", "geometry", words)


def permit(**values: str) -> Change:
    """The second permit with other values; nothing else refers to them."""
    row = {"permit_no": "P2", "company_id": "C2", "origin_site": "CON2", "disposal_sites": "DIS1", "plates": ""}
    row |= {"hours": "", "valid_from": "", "valid_to": ""} | values
    return swap("P2,C2,CON2,DIS1,,,,", ",".join(row.values()))


def column(name: str, value: str) -> Change:
    """One more column in a table whose only row ends in the word for a warning."""
    return lambda text: text.replace("reason\n", f"reason,{name}\n").replace("警\n", f"警,{value}\n")


BOWTIE = {"type": "Polygon", "coordinates": [[[118.7, 32], [118.71, 32.01], [118.71, 32], [118.7, 32.01], [118.7, 32]]]}
FAR = LON + 0.5  # a place where no other site lies
NAN = float("nan")
BANS = TABLES["bans.csv"]
MANY = MAX_PERMITS_OF_PLATE + 1
COLUMNS = TABLES["permits.csv"].splitlines()[0] + "\n"
FORM = [
    Case(
        {
            "vehicles.csv": "plate,company_id,terminal,kind\n",
            "permits.csv": swap("苏A00001;苏A00002", ""),
            "whitelist.csv": None,
        },
        "vehicles.csv",
        "",
        "",
        "has a header and no rows",
    ),
    Case(
        {
            "permits.csv": COLUMNS + "".join(f"N{k},C2,CON2,DIS1,,,,\n" for k in range(MANY)),
            "routes.geojson": [feature(line([LON, LAT], [LON, LAT + 0.01]), permit_no=f"N{k}") for k in range(MANY)],
        },
        "vehicles.csv",
        "row 4",
        "plate",
        f"covered by {MANY} permits; allowed: at most {MAX_PERMITS_OF_PLATE}",
    ),
    Case({"permits.csv": None}, "permits.csv", "", "", "file is missing; allowed: required: vehicles.csv"),
    Case({"sites.geojson": None, "site.json": "{}"}, "sites.geojson", "", "", "missing (there is 'site.json'"),
    Case({"zones.geojson": None, "zone.geojson": ""}, "zone.geojson", "", "", "is zones.geojson meant", "warning"),
    *wrong(
        "bans.csv",
        ("\n", "", "", "is empty; allowed: a header: start,end,reason"),
        ("start,reason\n", "row 1", "end", "column is missing"),
        ("start,END,reason\n", "row 1", "end", "column is missing (closest: 'END')"),
        (column("end", "x"), "row 1", "end", "is there 2 times"),
        (lambda text: text.replace(",", ";"), "row 1", "", "separated by ';'"),
        (add('"2026-12-01,2026-12-02,x'), "row 3", "", "is not CSV"),
        (add("2026-12-01,2026-12-02,\0"), "line 3", "", "NUL byte"),
        (b"PK\x03\x04rest", "", "", "workbook"),
        (BANS.encode("utf-16"), "", "", "iconv -f UTF-16 -t UTF-8 bans.csv"),
        (BANS.encode().replace("橙".encode(), b"\xe6\xa9"), "line 2", "", "neither UTF-8 nor GB18030"),
        (BANS.replace("重污染天气橙色预警", "\xe9t\xe9").encode("latin-1"), "line 2", "", "byte 0xe9"),
    ),
    *wrong(
        "bans.csv",
        (column("colour", "red"), "row 1", "colour", "not known and not read"),
        (BANS.encode("gbk"), "", "", "iconv -f GB18030 -t UTF-8 bans.csv > bans.utf8.csv"),
        severity="warning",
    ),
    *wrong(
        "vehicles.csv",
        ("", "", "", "is empty; allowed: a header: plate,company_id"),
        (add("苏A00009,C1,,ordinary,more"), "row 5", "", "5 values where the header has 4"),
        (swap("苏A00001,C1,013900000001,", "苏A00001,C1,"), "row 2", "", "3 values"),
    ),
    *wrong(
        "vehicles.csv",
        (add("\n苏A00009,C1,,lorry"), "row 6", "kind", "(closest: 'ordinary'); read as ordinary"),
        (add("苏A00009,C1,,new-type"), "row 5", "kind", "closest: 'new_type'); read as ordinary"),
        (add("苏A00009,C1,,"), "row 5", "kind", "is empty; read as ordinary"),
        severity="warning",
    ),
    *wrong(
        "zones.geojson",
        ("", "", "", "file is empty"),
        ('{"type":\n "FeatureCollection",\n features: []}', "line 3", "", "is not JSON"),
        ("[" * 100_000, "", "", "is not JSON that can be read"),
        ("[]", "", "type", "not a FeatureCollection"),
        ('{"type":"FeatureCollection","features":3}', "", "features", "not a list"),
        (collection([7]), "feature 1", "type", "not a Feature"),
        (more({"type": "Feature", "properties": [1]}), "feature 3", "properties", "not an object"),
    ),
    *wrong(
        "zones.geojson",
        (props(2, valid_form="2026-01-01"), "feature 2 (N1)", "valid_form", "'valid_from' meant"),
        ('{"type":"FeatureCollection","features":[],"crs":"EPSG:3857"}', "", "crs", "not applied"),
        severity="warning",
    ),
]

VALUES = [
    *wrong(
        "vehicles.csv",
        (add("苏A00001,C1,,ordinary"), "row 5", "plate", "already in row 2"),
        (add(" ,C1,,ordinary"), "row 5", "plate", "is empty"),
        (add("苏A\x1b00009,C1,,ordinary"), "row 5", "plate", "control character U+001B"),
        (add("苏A00009\u200b,C1,,ordinary"), "row 5", "plate", "invisible character U+200B"),
        (add("苏A00009,C3,,ordinary"), "row 5", "company_id", "'C3' is not a company"),
    ),
    *wrong(
        "vehicles.csv",
        (add("苏A00009,C1,013900000001,ordinary"), "row 5", "terminal", "already in row 2"),
        severity="warning",
    ),
    *wrong(
        "companies.csv",
        (add("C1,again"), "row 4", "company_id", "already in row 2"),
        (add('C3,"a\nb"'), "row 4", "name", "U+000A"),
    ),
    *wrong(
        "whitelist.csv",
        (swap("09:30-16:30", "9.30-16.30"), "row 2", "hours", "'9.30-16.30' is not HH:MM-HH:MM"),
        (swap("2026-06-01", "2026/6/1"), "row 2", "valid_from", "write 2026-06-01"),
        (swap("2026-06-01", "2026-02-30"), "row 2", "valid_from", "not a date"),
    ),
    *wrong(
        "whitelist.csv",
        (add("苏A00008,,,,x"), "row 3", "plate", "'苏A00008' is not a vehicle"),
        (add("苏A00002,,,,x"), "row 3", "plate", "ordinary vehicle"),
        severity="warning",
    ),
    *wrong(
        "permits.csv",
        (add("P2,C2,CON2,DIS1,,,,"), "row 4", "permit_no", "already in row 3"),
        (permit(hours="21:00-5"), "row 3", "hours", "'21:00-5' is not HH:MM-HH:MM"),
        (permit(hours="21：00—05：30；06:00-07:00"), "row 3", "hours", "write 21:00-05:30;06:00-07:00"),
        (permit(valid_from="2026-11-10T01:00:00"), "row 3", "valid_from", "Shanghai write 2026-11-10T01:00:00+08:00"),
        (permit(valid_from="2026-12-01", valid_to="2026-11-30"), "row 3", "valid_to", "ends before it begins"),
        (permit(origin_site=""), "row 3", "origin_site", "is empty"),
        (permit(origin_site="CON9"), "row 3", "origin_site", "'CON9' is not a site (closest: 'CON"),
        (permit(origin_site="DEP1"), "row 3", "origin_site", "of kind depot"),
        (permit(disposal_sites=" ; "), "row 3", "disposal_sites", "is empty"),
        (permit(disposal_sites="DIS1;NONE"), "row 3", "disposal_sites", "'NONE' is not a site"),
        (permit(disposal_sites="DIS1；BANK1"), "row 3", "disposal_sites", "separated by ';'"),
        (permit(disposal_sites="CON1"), "row 3", "disposal_sites", "of kind construction, which may not take muck"),
        (permit(company_id="C3"), "row 3", "company_id", "'C3' is not a company"),
        (add("P3,C2,CON2,DIS1,,,,"), "row 4", "permit_no", "'P3' has no route"),
    ),
    *wrong(
        "permits.csv",
        (permit(plates="苏A00008"), "row 3", "plates", "'苏A00008' is not a vehicle"),
        (permit(plates="苏A00003;苏A00003"), "row 3", "plates", "listed 2 times"),
        severity="warning",
    ),
    *wrong(
        "bans.csv",
        (add("2026-12-02,2026-12-01,x"), "row 3", "end", "ends before it begins"),
        (add("2026-12-02,,x"), "row 3", "end", "is empty"),
    ),
    *wrong(
        "sites.geojson",
        (more(feature(polygon(FAR, LAT), site_id="CON1", kind="other")), "feature 6 (CON1)", "site_id", "in feature 1"),
        (more(feature(polygon(FAR, LAT), kind="other")), "feature 6", "site_id", "is empty"),
        (more(feature(polygon(FAR, LAT), site_id=["x"], kind="other")), "feature 6", "site_id", "is not text"),
        (props(5, kind="park"), "feature 5 (DEP1)", "kind", "'park' is unknown"),
        (props(1, valid_from="spring"), "feature 1 (CON1)", "valid_from", "neither a date"),
        (props(1, valid_to=True), "feature 1 (CON1)", "valid_to", "is not text"),
        (props(1, valid_to="2025-12-31"), "feature 1 (CON1)", "valid_to", "ends before it begins"),
    ),
    *wrong(
        "zones.geojson",
        (more(feature(polygon(FAR, LAT), zone_id="Q1", kind="quiet")), "feature 3 (Q1)", "zone_id", "in feature 1"),
        (props(1, kind=None), "feature 1 (Q1)", "kind", "is empty; allowed: quiet, no_entry"),
        (props(1, hours="22:00-25:00"), "feature 1 (Q1)", "hours", "00:00 to 24:00"),
        (more(feature(BOWTIE, zone_id="Z", kind="quiet")), "feature 3 (Z)", "geometry", "crosses itself at [118.705,"),
    ),
    *wrong(
        "routes.geojson",
        (props(1, corridor_m=5000), "feature 1 (P1)", "corridor_m", "'5000' is out of bounds; allowed: 10 to 1000"),
        (props(1, corridor_m="wide"), "feature 1 (P1)", "corridor_m", "'wide' is not a number"),
        (props(1, corridor_m=NAN), "feature 1 (P1)", "corridor_m", "not a number"),
        (more(feature(line([LON, LAT], [LON, 32.01]), permit_no="P9")), "feature 4 (P9)", "permit_no", "not a permit"),
        (shape(1, polygon(LON, LAT)), "feature 1 (P1)", "geometry", "'Polygon' is the wrong type"),
    ),
    *wrong(
        "districts.geojson",
        (more(feature(polygon(FAR, LAT), district_id="D1")), "feature 3 (D1)", "district_id", "in feature 1"),
    ),
    *wrong(
        "roads.geojson",
        ("roads", "line 1", "", "is not JSON"),
        (collection([feature({"type": "Point"}), feature(line([1, 2], [1, 91]))]), "feature 2", "geometry", "[1, 91]"),
    ),
]

GEOMETRY = [
    site(None, "is missing; allowed: Polygon or MultiPolygon"),
    site(line([FAR, LAT], [FAR, LAT + 0.01]), "'LineString' is the wrong type"),
    site({"type": "MultiPolygon", "coordinates": [[ring(FAR, LAT)], [ring(FAR + 0.001, LAT)]]}, "crosses itself at"),
    site({"type": "MultiPolygon", "coordinates": [ring(FAR, LAT)]}, "part 1, ring 1"),
    site(polygon(LON + 0.001, LAT), "overlaps feature 1 (CON1) by"),
    area("is empty"),
    area("ring 1 is empty", []),
    area("ring 1 is not closed: it runs from [119.198, 31.998] to [119.198, 32.002]", ring(FAR, LAT)[:-1]),
    area("has 3 positions", [[FAR, LAT], [FAR, LAT + 0.01], [FAR, LAT]]),
    area("has a hole outside its outer ring at", ring(FAR, LAT), ring(FAR + 0.1, LAT)),
    area("is not a pair of numbers", [FAR, LAT, FAR, LAT]),
    area("ring 1, position 1, ['118.7', '32'], is not a pair", [["118.7", "32"], *ring(FAR, LAT)]),
    area("is not a pair of numbers", [[FAR], *ring(FAR, LAT)]),
    area("out of all bounds", [[10**400, LAT, 1], *ring(FAR, LAT)]),
    route("fewer than two different positions", [LON, LAT], [LON, LAT]),
    route("position 2, [nan, 32], is not a finite number", [LON, LAT], [NAN, LAT]),
    route("position 2, [1187, 32], is outside ±180/±90", [LON, LAT], [1187.0, LAT]),
    route("metres of a projected system", [671234.5, 3541234.5], [671300.0, 3541300.0]),
    route("latitude comes first", [LAT, LON], [LAT, LON + 0.1]),
    route("position 2, [32, 118.7], is in the wrong order", [LON, LAT], [LAT, LON], [LON, LAT + 0.1]),
    site(polygon(87.6, 43.8), "from the middle of all others")._replace(severity="warning"),
    *wrong(
        "sites.geojson",
        (
            more(feature(polygon(LON + 0.001, LAT), site_id="OLD", kind="other", valid_to="2025-12-31")),
            "feature 6 (OLD)",
            "geometry",
            "never both in force",
        ),
        severity="warning",
    ),
    *wrong(
        "districts.geojson",
        (
            more(feature(polygon(LON + 0.15, LAT, 0.02), district_id="D3")),
            "feature 3 (D3)",
            "geometry",
            "overlaps feature 2 (D2)",
        ),
        severity="warning",
    ),
]

CASES = [*FORM, *VALUES, *GEOMETRY]
