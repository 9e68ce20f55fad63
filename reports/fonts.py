"""The fonts of papers: which of those on this machine set each style, and which characters none of them has.

Styles are those of GB/T 9704: `title` 小标宋, `hei` 黑体, `kai` 楷体, `fang` 仿宋, `song` 宋体. An office that has them
names their folder (`MUCKWATCH_FONTS`, `--fonts`) or installs them; else Noto CJK of the system sets everything.
"""

from __future__ import annotations

import os
import struct
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typst
from fontTools.ttLib import TTFont, TTLibError

from reports.visible import coded

#: Where an office says its own font files are.
FONTS_VARIABLE = "MUCKWATCH_FONTS"
_SERIF = ("Noto Serif CJK SC", "Source Han Serif SC", "Source Han Serif CN", "Noto Serif SC", "Songti SC")
_SANS = ("Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans SC", "PingFang SC")
_SONG = ("SimSun", "NSimSun", "宋体", "STSong", "FandolSong")
_HEI = ("SimHei", "黑体", "STHeiti", "FandolHei", "Microsoft YaHei")
#: The families that may set a style, best first. Every chain ends in fonts with rare characters of names (垚, 赟).
CHAINS = {
    "title": ("FZXiaoBiaoSong-B05S", "FZXiaoBiaoSong-B05", "方正小标宋简体", *_SERIF, *_SONG, *_SANS),
    "hei": (*_HEI, *_SANS, *_SERIF),
    "kai": ("KaiTi_GB2312", "楷体_GB2312", "KaiTi", "楷体", "STKaiti", "FandolKai", *_SERIF, *_SONG, *_SANS),
    "fang": ("FangSong_GB2312", "仿宋_GB2312", "FangSong", "仿宋", "STFangsong", "FandolFang", *_SERIF, *_SONG, *_SANS),
    "song": (*_SONG, *_SERIF, *_SANS),
    "sans": (*_SANS, *_HEI, *_SERIF),
}
#: A character of a chain that can set Chinese at all.
_CHINESE = "渣"
_WEIGHT_BOLD = 600
#: These print nothing, or are never looked for in a font.
_NO_GLYPH = ("Cc", "Cf", "Zl", "Zp", "Zs", "Cn", "Cs")
#: Platform and encoding of a table that maps all of Unicode.
_WHOLE_UNICODE = ((3, 10), (0, 4), (0, 6))
HOW_TO_INSTALL = (
    "no Chinese font was found: install one (Debian: sudo apt-get install fonts-noto-cjk), or name a folder of font "
    f"files in {FONTS_VARIABLE}"
)


class FontsMissing(Exception):
    """This machine has no font that can set Chinese; the message says what to install."""


@dataclass(frozen=True)
class Fonts:
    """The fonts found. `families` gives each style the families to try in order; `faces` the files of each family.

    A face is (path, number in its collection, weight 100-900).
    """

    families: dict[str, tuple[str, ...]]
    faces: dict[str, tuple[tuple[Path, int, int], ...]]

    @property
    def folders(self) -> list[Path]:
        """The folders that hold the chain's files."""
        used = {family for chain in self.families.values() for family in chain}
        return sorted({path.parent for family in used for path, _, _ in self.faces[family]})

    def missing(self, text: Iterable[str], style: str = "fang") -> str:
        """The characters of the texts that no font of the style's chain has, each once, in order of code."""
        wanted = {letter for part in text for letter in part}
        wanted = {letter for letter in wanted if unicodedata.category(letter) not in _NO_GLYPH}
        for family in self.families[style]:
            if not wanted:
                break
            path, number, _ = self.faces[family][0]
            wanted -= _letters(path, number)
        return "".join(sorted(wanted))

    def fit(self, text: str, style: str = "fang") -> str:
        """The text with each character that the chain lacks written as its code."""
        return text.translate({ord(letter): coded(letter) for letter in self.missing([text], style)})


def find_fonts(own: Path | None = None) -> Fonts:
    """Looks through the office's own fonts and the system's.

    Args:
        own: a folder of font files; without it, that of `MUCKWATCH_FONTS`.

    Raises:
        FontsMissing: if nothing here can set Chinese, or the folder named is not there.
    """
    told = own or (Path(os.environ[FONTS_VARIABLE]) if os.environ.get(FONTS_VARIABLE) else None)
    if told and not told.is_dir():
        raise FontsMissing(f"{told}: no such folder of fonts ({FONTS_VARIABLE} or --fonts names it)")
    return _found(told, _system_stamp())


@cache
def _found(own: Path | None, stamp: int) -> Fonts:
    del stamp  # only tells whether fonts were installed since
    listed = typst.Fonts(include_embedded_fonts=False, font_paths=[str(own)] if own else [])
    faces: dict[str, list[tuple[Path, int, int]]] = {}
    for font in listed.fonts():
        if font.path and font.style == "normal":
            faces.setdefault(font.family, []).append((Path(font.path), font.index, font.weight))
    families = {style: tuple(f for f in chain if f in faces) for style, chain in CHAINS.items()}
    # The plain weight first: it is the one that is asked for characters.
    ordered = {
        family: tuple(sorted(own_faces, key=lambda face: (face[2] >= _WEIGHT_BOLD, abs(face[2] - 400), str(face[0]))))
        for family, own_faces in faces.items()
    }
    for chain in families.values():
        if not chain or not any(_CHINESE in _letters(*ordered[family][0][:2]) for family in chain):
            raise FontsMissing(HOW_TO_INSTALL)
    return Fonts(families, ordered)


def _system_stamp() -> int:
    """Changes when fonts are installed, so that a long-lived program finds them."""
    folders = [Path(p) for p in ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/fonts/opentype")]
    return sum(folder.stat().st_mtime_ns for folder in folders if folder.is_dir())


@cache
def _letters(path: Path, number: int) -> frozenset[str]:
    """Every character that a font file has a glyph for."""
    try:
        with TTFont(path, fontNumber=number, lazy=True) as font:
            whole = _mapped(font.reader["cmap"])
            return frozenset(map(chr, whole or font.getBestCmap() or {}))
    except (OSError, TTLibError):
        return frozenset()


def _mapped(cmap: bytes) -> list[int]:
    """The characters of a font's table of all of Unicode (format 12), if it has one.

    fontTools names every glyph first, which takes it half a second for a Chinese font.
    """
    count = int.from_bytes(cmap[2:4], "big")
    places = [struct.unpack(">HHL", cmap[4 + 8 * n : 12 + 8 * n]) for n in range(count)]
    for platform, encoding, at in places:
        if (platform, encoding) not in _WHOLE_UNICODE or cmap[at : at + 2] != b"\x00\x0c":
            continue
        (count,) = struct.unpack(">L", cmap[at + 12 : at + 16])
        groups = struct.iter_unpack(">LLL", cmap[at + 16 : at + 16 + 12 * count])
        return [code for first, last, glyph in groups for code in range(first + (glyph == 0), last + 1)]
    return []
