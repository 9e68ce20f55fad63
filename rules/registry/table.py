"""CSV files of the registry as rows, with the faults of the file's own form."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rules.registry.faults import FileFaults, closest, guess, shown
from rules.registry.row import Row

_OTHER_DELIMITERS = {";": "';'", "\t": "tabs", "；": "'；'", "，": "'，'", "|": "'|'"}


@dataclass
class Table:
    """The rows of sound form; `lost` holds the values of the others, `whole` says that reading went to the end."""

    rows: list[Row] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    whole: bool = True


def read_table(text: str, columns: Sequence[str], faults: FileFaults) -> Table | None:
    """Reads a CSV whose first row names the columns, in any order.

    Args:
        text: the file's text.
        columns: those the file must have; others are passed over with a warning.
        faults: told of everything wrong with the file's form.

    Returns:
        The table; None if the header is unusable, so that nothing can be said of the rows.
    """
    if not text.strip():
        faults.error("", "", "file is empty", f"a header: {','.join(columns)}")
        return None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number, header, table = 0, None, Table()
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, columns, f"row {number}", faults)
                if header is None:
                    return None
            elif len(cells) != len(header):
                problem = f"has {len(cells)} values where the header has {len(header)}"
                faults.error(f"row {number}", "", problem, "as many as the header; quote a value that holds a comma")
                table.lost.update(cell.strip() for cell in cells)
            else:
                table.rows.append(Row(f"row {number}", dict(zip(header, cells, strict=True)), faults))
    except csv.Error as error:
        faults.error(f"row {number + 1}", "", f"is not CSV: {error}", "RFC 4180; a quote inside quotes is doubled")
        table.whole = False
    return table


def _header(cells: Sequence[str], columns: Sequence[str], where: str, faults: FileFaults) -> list[str] | None:
    """The column names, or None after a fault."""
    header = [cell.strip() for cell in cells]
    twice = [name for name, times in Counter(header).items() if times > 1]
    allowed = ",".join(columns)
    if len(header) == 1:
        for sign, name in _OTHER_DELIMITERS.items():
            if sign in header[0]:
                faults.error(where, "", f"columns are separated by {name}", f"commas: {allowed}")
                return None
    for name in twice:
        faults.error(where, name, f"column {shown(name)} is there {header.count(name)} times", allowed)
    missing = [name for name in columns if name not in header]
    strange = [name for name in header if name not in columns]
    for name in missing:
        faults.error(where, name, f"column is missing{guess(name, strange)}", allowed)
    for name in dict.fromkeys(strange):
        if not closest(name, missing):
            faults.warn(where, name, f"column {shown(name)} is not known and not read", allowed)
    return None if missing or twice else header
