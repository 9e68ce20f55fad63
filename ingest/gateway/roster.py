"""Which terminals there are, whose plate they report for, the code each shows, and which dialect it speaks.

With a registry, only its terminals are let in and its plates hold: an unknown number never makes a vehicle. Without one
a terminal's own word for its plate is taken.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ingest.jt808.dialect import Dialect, Dialects
from ingest.jt808.messages import Register

log = logging.getLogger("muckwatch.gateway")

KNOWN_MAX = 200_000
_CODE_CHARS = 16
_PLATE_MAX_CHARS = 32


class Known(msgspec.Struct, frozen=True):
    """What a terminal said when it registered; kept over restarts, because afterwards it only shows its code."""

    terminal: str
    plate: str
    maker: str
    model: str


class Refused(Exception):
    """A terminal that is not let in; `reason` is a key of the balance's reasons."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Roster:
    """The terminals of one gateway."""

    def __init__(self, folder: Path, plates: Mapping[str, str] | None, dialects: Dialects) -> None:
        """Reads what earlier processes learnt.

        Args:
            folder: holds the secret that codes are made of, and `terminals.jsonl`; may be made anew at any time:
                terminals then register again.
            plates: the registry's terminals and their plates; None lets every terminal in.
            dialects: the vendor dialects.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._dialects = dialects
        self._plates = plates
        self._by_digits = _by_digits(plates or {})
        self._secret = _secret(folder / "secret")
        self._path = folder / "terminals.jsonl"
        self._known = _read_known(self._path)
        self._file = self._path.open("ab", buffering=0)

    def register(self, phone: str, said: Register) -> str:
        """Takes a registration; returns the code to show from now on.

        Raises:
            Refused: `unknown_terminal` or `other_plate`.
        """
        terminal, plate = self._place(phone, said.plate)
        if said.plate and said.colour and _bare(said.plate) != _bare(plate):  # without a colour it is the VIN
            raise Refused("other_plate", f"terminal {terminal} says {said.plate!r}, the registry {plate!r}")
        known = Known(terminal, plate, said.maker, said.model)
        if self._known.get(terminal) != known:
            if terminal not in self._known and len(self._known) >= KNOWN_MAX:
                raise Refused("unknown_terminal", f"terminal {terminal}: {KNOWN_MAX} are known already")
            self._known[terminal] = known
            self._keep(known)
        return self._code(terminal)

    def authenticate(self, phone: str, code: str) -> tuple[str, str, Dialect]:
        """Lets a terminal in that shows its code; returns its number as the registry writes it, plate and dialect.

        Raises:
            Refused: `wrong_code`, also where it must register anew, or `unknown_terminal`.
        """
        terminal, _ = self._find(phone)
        known = self._known.get(terminal)
        if known is None or not hmac.compare_digest(code.encode(), self._code(terminal).encode()):
            raise Refused("wrong_code", f"terminal {terminal}")
        _, plate = self._place(phone, known.plate)
        return terminal, plate, self._dialects.choose(terminal, known.maker, known.model)

    def renew(self, plates: Mapping[str, str] | None) -> None:
        """Takes a registry that has changed; connections that are open keep what they were let in with."""
        self._plates, self._by_digits = plates, _by_digits(plates or {})

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _keep(self, known: Known) -> None:
        """Writes down what is known; where the disk is full the terminal registers again after the next restart."""
        good, line = os.fstat(self._file.fileno()).st_size, msgspec.json.encode(known) + b"\n"
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            log.warning("%s: %s; terminal %s is known until the next restart", self._path, error, known.terminal)
            with contextlib.suppress(OSError):
                self._file.truncate(good)

    def _find(self, phone: str) -> tuple[str, str | None]:
        """The terminal's number and the registry's plate; leading zeros count, unless only without them one is found.

        The header pads numbers with zeros (to 12 digits before 2019, to 20 since), and registries do so or not.
        """
        short = phone[-12:] if len(phone) == 20 and not phone[:8].strip("0") else phone
        if self._plates is None:
            return short, None
        for spelt in (phone, short):
            if spelt in self._plates:
                return spelt, self._plates[spelt]
        spelt = self._by_digits.get(phone.lstrip("0"), "")
        if not spelt:
            raise Refused("unknown_terminal", f"terminal {phone} is not in the registry")
        return spelt, self._plates[spelt]

    def _place(self, phone: str, said_plate: str) -> tuple[str, str]:
        terminal, plate = self._find(phone)
        plate = said_plate if plate is None else plate
        if not plate or len(plate) > _PLATE_MAX_CHARS or not plate.isprintable() or "\ufffd" in plate:
            raise Refused("other_plate", f"terminal {terminal} says {plate!r}, which is no plate")
        return terminal, plate

    def _code(self, terminal: str) -> str:
        return hmac.new(self._secret, terminal.encode(), hashlib.sha256).hexdigest()[:_CODE_CHARS]


def _bare(plate: str) -> str:
    """A plate without what some write between its parts."""
    return "".join(c for c in plate.upper() if c.isalnum())


def _by_digits(plates: Mapping[str, str]) -> dict[str, str]:
    """Registry spellings by their digits without leading zeros; ambiguous ones are left out."""
    found: dict[str, str] = {}
    for spelt in plates:
        digits = spelt.lstrip("0")
        found[digits] = "" if digits in found else spelt
    return found


def _secret(path: Path) -> bytes:
    if path.exists() and len(found := path.read_bytes()) == 32:
        return found
    made = secrets.token_bytes(32)
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made


def _read_known(path: Path) -> dict[str, Known]:
    """The last word of each terminal, written back without the earlier ones; a line that is cut is left out."""
    known: dict[str, Known] = {}
    if not path.exists():
        return known
    for line in path.read_bytes().splitlines():
        try:
            one = msgspec.json.decode(line, type=Known)
        except msgspec.MsgspecError:
            log.warning("%s: a line that cannot be read is left out; its terminal registers again", path)
            continue
        known[one.terminal] = one
    written = path.with_suffix(".new")
    with contextlib.suppress(OSError):  # a full disk: the longer file does as well
        written.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in known.values()))
        written.replace(path)
    return known
