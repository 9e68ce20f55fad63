"""The files of a registry folder as bytes, read once; everything after works on these bytes alone."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePath

from rules.registry.faults import FileFaults, closest

REQUIRED = ("vehicles.csv", "permits.csv", "routes.geojson", "sites.geojson")

#: Every file that a registry may have; the digest goes through them in this order.
KNOWN = (
    "policy.toml",
    "companies.csv",
    "vehicles.csv",
    "whitelist.csv",
    "sites.geojson",
    "permits.csv",
    "routes.geojson",
    "zones.geojson",
    "districts.geojson",
    "bans.csv",
    "roads.geojson",
)

_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_ZIP_MAGIC = b"PK\x03\x04"  # an .xlsx is a ZIP archive
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # an old .xls


def read_folder(folder: Path, faults: FileFaults) -> dict[str, bytes]:
    """Reads the known files that are there, each once.

    Args:
        folder: the registry folder.
        faults: told of a missing folder, missing required files, unreadable files and files with nearly known names.

    Returns:
        File name to content, in the order of `KNOWN`.
    """
    try:
        present = {path.name: path for path in folder.iterdir()}
    except OSError as error:
        problem = "no such folder" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
        if isinstance(error, NotADirectoryError):
            problem = "not a folder"
        faults.error("", "", problem, f"a folder with {', '.join(REQUIRED)}")
        return {}
    contents: dict[str, bytes] = {}
    for name in KNOWN:
        if name in present:
            try:
                if not present[name].is_file():
                    raise OSError("not a file")
                contents[name] = present[name].read_bytes()
            except OSError as error:
                faults.beside(name).error("", "", f"cannot be read: {error.strerror or error}")
    strangers = {found: like for found in sorted(present.keys() - set(KNOWN)) if (like := _meant(found))}
    for name in REQUIRED:
        if name not in present:
            near = [found for found, like in strangers.items() if like == name]
            hint = f" (there is {near[0]!r}, which is not read)" if near else ""
            faults.beside(name).error("", "", f"file is missing{hint}", f"required: {', '.join(REQUIRED)}")
    for found, like in strangers.items():
        if like not in present and like not in REQUIRED:
            faults.beside(found).warn("", "", f"is not read; is {like} meant?", ", ".join(KNOWN))
    return contents


def _meant(name: str) -> str:
    """The known file that a stranger's name was perhaps meant to be, or an empty string."""
    if name.startswith((".", "~")):
        return ""
    stems = {PurePath(known).stem: known for known in KNOWN}
    return stems.get(closest(PurePath(name.lower()).stem, stems, cutoff=0.8), "")


def digest(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over name, length and content of the known files, in the order of `KNOWN`."""
    total = hashlib.sha256()
    for name in KNOWN:
        if name in contents:
            total.update(f"{name}\0{len(contents[name])}\0".encode())
            total.update(contents[name])
    return total.hexdigest()


def decode(content: bytes, faults: FileFaults) -> str | None:
    """Text of a file in UTF-8 (a byte order mark is dropped) or, with a warning, GB18030; None if it is no text."""
    if content.startswith((_ZIP_MAGIC, _OLE_MAGIC)):
        faults.error("", "", "is a workbook or an archive, not text; save it as 'CSV UTF-8'", "UTF-8 text")
        return None
    if content.startswith(_UTF16_BOMS):
        _refuse_encoding(faults, "is in UTF-16", "UTF-16")
        return None
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        faults.error(f"line {line}", "", "holds a NUL byte: binary or damaged", "UTF-8 text")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        chinese = _as_gb18030(content)
        if chinese is None:
            line = content[: error.start].count(b"\n") + 1
            byte = content[error.start]
            faults.error(f"line {line}", "", f"byte 0x{byte:02x} is neither UTF-8 nor GB18030 (GBK)", "UTF-8 text")
            return None
    stem, suffix = PurePath(faults.file).stem, PurePath(faults.file).suffix
    convert = f"iconv -f GB18030 -t UTF-8 {faults.file} > {stem}.utf8{suffix}"
    faults.warn("", "", f"is in GBK (GB18030), read as such; to convert: {convert}", "UTF-8")
    return chinese


def _refuse_encoding(faults: FileFaults, problem: str, encoding: str) -> None:
    stem, suffix = PurePath(faults.file).stem, PurePath(faults.file).suffix
    convert = f"iconv -f {encoding} -t UTF-8 {faults.file} > {stem}.utf8{suffix}"
    faults.error("", "", f"{problem}; to convert: {convert}", "UTF-8")


def _as_gb18030(content: bytes) -> str | None:
    """The text if it is plausibly GB18030: it decodes to assigned characters and is not UTF-8 with a few bad bytes."""
    repaired = content.decode("utf-8", errors="replace")
    bad = repaired.count("\N{REPLACEMENT CHARACTER}")
    if sum(1 for c in repaired if ord(c) > 0x7FF) - bad > bad:  # three-byte UTF-8 hardly ever arises from GBK by chance
        return None
    try:
        text = content.decode("gb18030").removeprefix("\N{BYTE ORDER MARK}")
    except UnicodeDecodeError:
        return None
    return None if any(unicodedata.category(c) in ("Cn", "Co") for c in set(text)) else text
