"""Vendor dialects: where a make of terminal says that its body is raised, closed, laden or how heavy.

No standard rules this, and one id means a lift with one maker and a cell tower with the next. So each dialect is a TOML
file (the bundled ones are in `dialects/`, a city adds its own), chosen by what the terminal said when it registered.
Nothing is guessed: without a dialect only the standard's own words are read, and every item stays in the raw frame.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ingest.fix import DATUMS, LOADS
from ingest.jt808.location import Location, read_items

STANDARD = "standard"
_BUNDLED = Path(__file__).parent / "dialects"
#: What a dialect may read, and the words that its values may be.
_FIELDS: dict[str, tuple[object, ...]] = {"lift": (True, False), "cover": (True, False), "load": LOADS, "weight_kg": ()}
_WORDS = ("status", "alarm")
_READ_KEYS = {"field", "from", "bytes", "bits", "values", "below", "scale", "fault", "fault_from"}


class DialectError(ValueError):
    """A dialect file that cannot be used; one line: which file, which key, what is allowed."""


@dataclass(frozen=True)
class Reading:
    """What a terminal said of its body; None where it says nothing, or that the sensor is at fault.

    Attributes:
        faults: fields whose sensor the terminal itself calls faulty.
    """

    lift: bool | None = None
    cover: bool | None = None
    load: str | None = None
    weight_kg: float | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Read:
    """One `[[read]]`: takes a number out of a word or an item and turns it into a field's value."""

    field: str
    source: tuple[str, ...]
    cut: tuple[int, int] | None
    bits: tuple[int, int] | None
    values: Mapping[int, bool | str]
    below: Sequence[tuple[float, bool | str | None]]
    scale: float
    fault_bit: int | None
    fault_source: tuple[str, ...]

    def value(self, found: Mapping[tuple[str, ...], bytes]) -> tuple[bool | str | float | None, bool]:
        """The field's value, and whether the terminal calls the sensor faulty."""
        if self.fault_bit is not None:
            told = found.get(self.fault_source)
            if told is not None and int.from_bytes(told, "big") >> self.fault_bit & 1:
                return None, True
        data = found.get(self.source)
        if data is None:
            return None, False
        if self.cut is not None:
            start, size = self.cut
            data = data[start : start + size]
            if len(data) < size:
                return None, False
        number = int.from_bytes(data, "big")
        if self.bits is not None:
            low, count = self.bits
            number = number >> low & (1 << count) - 1
        if self.values:
            return self.values.get(number), False
        scaled = round(number * self.scale, 3)
        if self.below:
            word = next((word for limit, word in self.below if scaled < limit), None)
            return word, word is None
        return scaled, False


@dataclass(frozen=True)
class Dialect:
    """What a make of terminal says beyond the standard."""

    name: str
    datum: str = DATUMS[0]
    makes: tuple[tuple[str, str], ...] = ()
    terminals: frozenset[str] = frozenset()
    containers: Mapping[int, str] = field(default_factory=dict)
    reads: tuple[_Read, ...] = ()

    def read(self, location: Location) -> Reading:
        """What the location says of the body; the standard's load bits hold where the dialect says nothing of it."""
        values: dict[str, Any] = {"load": location.load}
        if not self.reads:
            return Reading(**values)
        found = self._words(location)
        faults = []
        for read in self.reads:
            value, faulty = read.value(found)
            if faulty:
                faults.append(read.field)
            if value is not None or faulty:
                values[read.field] = value
        return Reading(**values, faults=tuple(faults))

    def _words(self, location: Location) -> dict[tuple[str, ...], bytes]:
        found: dict[tuple[str, ...], bytes] = {
            ("status",): location.status.to_bytes(4, "big"),
            ("alarm",): location.alarm.to_bytes(4, "big"),
        }
        for item_id, value in location.items:
            name = f"{item_id:02X}"
            found.setdefault((name,), value)
            check = self.containers.get(item_id)
            if check is None:
                continue
            if check == "sum8":
                value, told = value[:-1], value[-1:]
                if told != bytes((sum(value) & 0xFF,)):
                    continue
            for inner_id, inner in read_items(value)[0]:
                found.setdefault((name, f"{inner_id:02X}"), inner)
        return found


class Dialects:
    """All dialects, and which one a terminal speaks."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._named = {dialect.name: dialect for dialect in dialects}
        self._of_terminal = {number: dialect for dialect in dialects for number in dialect.terminals}
        self._makes = [(make, dialect) for dialect in dialects for make in dialect.makes]
        self.standard = self._named.get(STANDARD, Dialect(STANDARD))

    def __getitem__(self, name: str) -> Dialect:
        return self._named.get(name, self.standard)

    def choose(self, terminal: str, maker: str, model: str) -> Dialect:
        """The dialect that names the terminal, else the first whose maker and model (globs) fit, else the standard."""
        named = self._of_terminal.get(terminal)
        if named is not None:
            return named
        fits = (d for (m, n), d in self._makes if fnmatchcase(maker, m) and fnmatchcase(model, n))
        return next(fits, self.standard)


def load_dialects(folder: Path | None = None) -> Dialects:
    """The bundled dialects, after those of a folder: a city's own file comes first and may take a bundled name.

    Raises:
        DialectError: naming file and key.
    """
    own = [read_dialect(path) for path in sorted(folder.glob("*.toml"))] if folder else []
    bundled = [read_dialect(path) for path in sorted(_BUNDLED.glob("*.toml"))]
    taken = {dialect.name for dialect in own}
    return Dialects([*own, *(dialect for dialect in bundled if dialect.name not in taken)])


def read_dialect(path: Path) -> Dialect:
    """Reads one file; its name is the dialect's.

    Raises:
        DialectError: naming file and key.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        _known(told, {"about", "source", "datum", "terminals", "makes", "containers", "read"}, "")
        datum = told.get("datum", DATUMS[0])
        if datum not in DATUMS:
            raise ValueError(f"datum {datum!r}; allowed: {', '.join(DATUMS)}")
        return Dialect(
            name=path.stem,
            datum=datum,
            makes=tuple((str(make.get("maker", "*")), str(make.get("model", "*"))) for make in told.get("makes", ())),
            terminals=frozenset(map(str, told.get("terminals", ()))),
            containers=dict(_container(key, check) for key, check in told.get("containers", {}).items()),
            reads=tuple(_read(table, f"read[{at}]") for at, table in enumerate(told.get("read", ()))),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DialectError(f"{path}: {error}") from None


def _known(table: Mapping[str, object], allowed: set[str], where: str) -> None:
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise ValueError(f"{where} {unknown[0]!r} is no key; allowed: {', '.join(sorted(allowed))}".strip())


def _container(key: str, check: str) -> tuple[int, str]:
    if check not in ("none", "sum8"):
        raise ValueError(f"containers.{key} {check!r}; allowed: none, sum8")
    return int(key, 16), check


def _source(text: str, where: str) -> tuple[str, ...]:
    """`status`, `alarm`, `E1`, or `F0/E1` for an item inside a container."""
    if text in _WORDS:
        return (text,)
    parts = text.split("/")
    if len(parts) > 2 or any(len(part) != 2 for part in parts):
        raise ValueError(f"{where} {text!r}; allowed: {', '.join(_WORDS)}, an item such as E1, or F0/E1")
    return tuple(f"{int(part, 16):02X}" for part in parts)


def _pair(value: object, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    match value:
        case [int(first), int(count)] if first >= 0 and count > 0:
            return first, count
    raise ValueError(f"{where} {value!r}; allowed: [from, how many]")


def _read(table: Mapping[str, Any], where: str) -> _Read:
    _known(table, _READ_KEYS, where)
    name, words = table["field"], _FIELDS.get(table["field"])
    if words is None:
        raise ValueError(f"{where}.field {name!r}; allowed: {', '.join(_FIELDS)}")
    values = {int(key): value for key, value in table.get("values", {}).items()}
    below = [(float(limit), None if word == "fault" else word) for limit, word in table.get("below", ())]
    if words and not (bool(values) ^ bool(below)):
        raise ValueError(f"{where} needs either values or below")
    for value in (*values.values(), *(word for _, word in below if word is not None)):
        if value not in words or isinstance(value, bool) != isinstance(words[0], bool):
            raise ValueError(f"{where} says {name} is {value!r}; allowed: {', '.join(map(str, words))}")
    source = _source(str(table["from"]), f"{where}.from")
    fault = table.get("fault")
    if fault is not None and (type(fault) is not int or fault < 0):
        raise ValueError(f"{where}.fault {fault!r}; allowed: the number of a bit")
    return _Read(
        field=name,
        source=source,
        cut=_pair(table.get("bytes"), f"{where}.bytes"),
        bits=_pair(table.get("bits"), f"{where}.bits"),
        values=values,
        below=below,
        scale=float(table.get("scale", 1.0)),
        fault_bit=fault,
        fault_source=_source(str(table["fault_from"]), f"{where}.fault_from") if "fault_from" in table else source,
    )
