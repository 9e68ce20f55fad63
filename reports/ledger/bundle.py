"""The evidence of a case in one file that anybody can verify without us: gathered first, then sealed into the log.

`gather` only reads. `seal` appends one entry to the log, with the digest of the manifest, and takes along the proof
that this entry and every other about the case are in the log under a signed head. The script in the bundle
(`offline/verify.py`) checks all of it; a single byte that differs makes it fail.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from ingest.fix import FIX_SCHEMA
from reports import frames, queries
from reports.errors import StoreError, StoreUnusable
from reports.ledger.entries import append, last_head
from reports.ledger.offline.verify import MANIFEST, PROOF, canonical, packed
from reports.ledger.tree import LeafTree
from reports.registry_copies import REGISTRY_FOLDER, load_registry
from reports.store import Store
from rules.hours import Hours
from rules.registry import Registry

#: Fixes this long before and after the trip (or the violation, where it belongs to none) are taken along.
MARGIN_MS = 5 * 60_000
_OFFLINE = Path(__file__).parent / "offline"
#: Of the log: what is about the case ($1), the export itself ($2), the runs that judged it with their registry, and
#: what archived the files that its fixes are in ($3).
_ABOUT = """
WITH judged AS (
    SELECT idx, json_extract_string(body, '$.payload.registry_digest') AS digest FROM ledger.entries
    WHERE kind = 'run' AND json_exists(body, '$.payload.registry_digest')
), runs AS (
    SELECT DISTINCT (SELECT max(j.idx) FROM judged j WHERE j.idx < found.idx) AS idx
    FROM ledger.entries found WHERE kind = 'finding' AND subject = $1
)
SELECT idx, body FROM ledger.entries
WHERE (subject = $1 AND kind IN ('finding', 'decision')) OR idx = $2 OR idx IN (SELECT idx FROM runs)
    OR (kind = 'registry' AND subject IN (SELECT digest FROM judged WHERE idx IN (SELECT idx FROM runs)))
    OR (kind = 'run' AND EXISTS (SELECT 1 FROM (SELECT unnest($3::VARCHAR[]) AS sha256) WHERE contains(body, sha256)))
ORDER BY idx
"""


def gather(store: Store, violation_id: str, attached: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """The files of a case's bundle, from an open store that need not be writable.

    Args:
        store: an open store.
        violation_id: the case.
        attached: what the caller adds, by file name: the map's page, a paper, raw frames.

    Raises:
        StoreUnusable: if there is no such violation, or it is not in the log.
        StoreError: if what it rests on cannot be read.
    """
    columns = ", ".join(c for c in frames.SCHEMAS["violations"] if c != "evidence")
    found = store.query(
        f"SELECT {columns}, evidence::VARCHAR AS evidence, status, revision, facts_changed, recorded_ms "
        "FROM kept.violations WHERE violation_id = ?",
        [violation_id],
    )
    if not len(found):
        raise StoreUnusable(f"{store.path}: there is no violation {violation_id!r}")
    row = found.row(0, named=True)
    start_ms, end_ms = _span(store, row)
    archive = _archived(store, row["plate"], start_ms, end_ms)
    history = [json.loads(body) for body in _bodies(store, violation_id, -1, archive).values()]
    judged = [entry["payload"] for entry in history if "registry_digest" in entry["payload"]]
    if not judged or not any(entry["kind"] == "finding" for entry in history):
        raise StoreUnusable(f"{store.path}: violation {violation_id} is not in the log; run again to have it there")
    registry = load_registry(store.path, judged[-1]["registry_digest"])
    files = {
        "violation.json": _json(row),
        "fixes.jsonl": _fixes(store, row["plate"], start_ms, end_ms),
        "sources.json": _json({"archive": archive, "span_ms": [start_ms, end_ms]}),
        "registry.json": _json(_registry_rows(registry, row)),
        "history.json": _json(history),
        "README.txt": (_OFFLINE / "readme.txt").read_bytes(),
        "verify.py": (_OFFLINE / "verify.py").read_bytes(),
        **(attached or {}),
    }
    policy = store.path / REGISTRY_FOLDER / registry.digest / "policy.toml"
    if policy.is_file():
        files["policy.toml"] = policy.read_bytes()
    return files


def seal(store: Store, violation_id: str, files: Mapping[str, bytes], *, actor: str, at_ms: int) -> bytes:
    """The bundle: the files, their manifest, and the proof that the log holds it.

    Args:
        store: the writer, outside a transaction; the export is logged.
        violation_id: the case.
        files: of `gather`.
        actor: who takes the bundle.
        at_ms: now, epoch ms.

    Raises:
        StoreError: if this machine has no signing key, or the log cannot be written.
    """
    listed = {name: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for name, c in sorted(files.items())}
    made_at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    manifest = _json({"case": violation_id, "made_at": made_at, "made_for": actor, "files": listed})
    with store.transaction():
        said = {"what": "bundle", "manifest_sha256": hashlib.sha256(manifest).hexdigest(), "files": len(files)}
        index = append(store, "export", violation_id, actor, said, at_ms=at_ms)
        proof = _proof(store, violation_id, index, json.loads(files["sources.json"])["archive"])
    return packed({**files, MANIFEST: manifest, PROOF: proof})


def _proof(store: Store, violation_id: str, index: int, archive: Sequence[Mapping[str, Any]]) -> bytes:
    """Every entry about the case with its path to the signed root."""
    head = last_head(store)
    leaves = [bytes.fromhex(leaf) for leaf in store.query("SELECT leaf FROM ledger.entries ORDER BY idx")["leaf"]]
    if head is None or head.size != len(leaves):
        raise StoreError("a bundle must be signed, and this machine has no signing key")
    tree = LeafTree(leaves)
    entries = [
        {"body": body, "path": [each.hex() for each in tree.inclusion_path(at)]}
        for at, body in _bodies(store, violation_id, index, archive).items()
    ]
    pem = store.query("SELECT public_key FROM ledger.keys WHERE key_id = ?", [head.key_id]).item()
    return canonical({"entries": entries, "head": asdict(head), "public_key": pem})


def _bodies(store: Store, violation_id: str, export_index: int, archive: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The entries about a case, by index."""
    files = [file["sha256"] for file in archive]
    return dict(store.query(_ABOUT, [violation_id, export_index, files]).iter_rows())


def _span(store: Store, row: Mapping[str, Any]) -> tuple[int, int]:
    """From when to when fixes are taken along, epoch ms, half-open."""
    start_ms, end_ms = row["start_ms"], row["end_ms"]
    if row["trip_id"]:
        trips = store.query("SELECT loaded_ms, left_ms, dumped_ms FROM kept.trips WHERE trip_id = ?", [row["trip_id"]])
        known = [ms for trip in trips.rows() for ms in trip if ms is not None]
        start_ms, end_ms = min(start_ms, *known, start_ms), max(end_ms, *known, end_ms)
    return start_ms - MARGIN_MS, end_ms + MARGIN_MS + 1


def _fixes(store: Store, plate: str, start_ms: int, end_ms: int) -> bytes:
    """The archived fixes as they stand, one a line."""
    found = queries.fixes_of(store, plate, start_ms, end_ms).select(list(FIX_SCHEMA))
    return b"".join(canonical(fix) + b"\n" for fix in found.iter_rows(named=True))


def _archived(store: Store, plate: str, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
    found = store.query(
        "SELECT path, rows, sha256 FROM kept.archive WHERE first_ms < $3 AND last_ms >= $2 "
        "AND list_contains(plates, $1) ORDER BY path",
        [plate, start_ms, end_ms],
    )
    return list(found.iter_rows(named=True))


def _registry_rows(registry: Registry, row: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of the registry that were in force for this truck when it began, and no others'."""
    at_ms, plate = row["start_ms"], row["plate"]
    permits = [p for p in registry.permits_of(plate) if p.validity.holds(at_ms) or p.permit_no == row["permit_no"]]
    named = {s for p in permits for s in (p.origin_site, *p.disposal_sites)} | {row["site_id"]}
    evidence = row["evidence"]
    rows = {
        "vehicle": registry.vehicle.get(plate),
        "company": registry.company.get(row["company_id"] or ""),
        "whitelist": [e for e in registry.whitelist_of.get(plate, ()) if e.validity.holds(at_ms)],
        "permits": permits,
        "sites": [site for site in registry.sites if site.site_id in named],
        "zones": [zone for zone in registry.zones if f'"{zone.zone_id}"' in evidence and zone.validity.holds(at_ms)],
        "bans": [ban for ban in registry.bans if ban.start_ms < row["end_ms"] and ban.end_ms > at_ms],
    }
    digests = {"digest": registry.digest, "policy_digest": registry.policy.digest, "files": dict(registry.files)}
    return {**digests, "in_force": {name: _plain(value) for name, value in rows.items()}}


def _plain(value: Any) -> Any:
    """A registry row as JSON: hours as text, shapes as GeoJSON."""
    if isinstance(value, Hours):
        return str(value)
    if isinstance(value, BaseGeometry):
        return json.loads(shapely.to_geojson(value))
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _json(value: Any) -> bytes:
    """JSON for people to read."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
