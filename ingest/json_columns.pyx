# cython: language_level=3
"""Columns from lines of flat JSON objects, in one pass over their bytes; compiled, and the program works without it.

The pass reads what a fix looks like when nothing is odd about it, and refuses everything else: escapes, control
characters, nested values, a name given twice, a value of another type, a number that it could not convert exactly, a
blank line. Others read what it refuses, so it decides nothing about bad data. Why it is safe with any bytes is said
where they are read, in `json_values.pxd`.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from ingest.json_values cimport (
    FLAG, IN_TEXTS, LONGEST, MOST, NULL_FLAG, NUMBER, TEXT, TIME, UNKNOWN, Column, Pass, column_named, past_blanks,
    pass_over, put_null, read_value,
)

#: Of what is said below between this and `json_frames.py`: a build of other sources is not used.
VERSION = 3
#: What stands for no value in flags and in times; in numbers it is NaN, and in codes of texts 0.
NO_FLAG, NO_TIME = NULL_FLAG, INT64_MIN


cdef int64_t _read_line(Pass *on, int64_t at) noexcept nogil:
    """Reads the line that begins here; where the next begins, or -1 if it is refused."""
    cdef const uint8_t *data = on.data
    cdef uint64_t seen = 0
    cdef int place = 0, found
    at = past_blanks(data, at)
    if data[at] != c"{":
        return -1
    at = past_blanks(data, at + 1)
    while place or data[at] != c"}":
        found = column_named(on, at, place)
        if found < on.count:
            if (seen >> found) & 1:
                return -1
            seen |= <uint64_t>1 << found
            at = past_blanks(data, at + on.columns[found].size)
        else:
            at = pass_over(on, at)
            if at < 0:
                return -1
            at = past_blanks(data, at)
        place += 1
        if data[at] != c":":
            return -1
        at = read_value(on, &on.columns[found], past_blanks(data, at + 1))
        if at < 0:
            return -1
        at = past_blanks(data, at)
        if data[at] == c"}":
            break
        if data[at] != c",":
            return -1
        at = past_blanks(data, at + 1)
    at = past_blanks(data, at + 1)
    on.ends[on.row] = on.before + at
    if at < on.size and data[at] != c"\n":
        return -1
    if seen + 1 != <uint64_t>1 << on.count:
        for found in range(on.count):
            if not (seen >> found) & 1:
                put_null(on, &on.columns[found])
    return at + 1


cdef int64_t _count_lines(const uint8_t *data, int64_t size) noexcept nogil:
    """How many lines; the last may lack its end."""
    cdef int64_t count = 0
    cdef const uint8_t *at = data
    cdef const uint8_t *end = data + size
    while at < end:
        at = <const uint8_t *>memchr(at, c"\n", end - at)
        count += 1
        if not at:
            break
        at += 1
    return count


cdef bint _read_piece(Pass *on) noexcept nogil:
    """Reads a piece, or nothing of it: what its lines left before one of them was refused is undone."""
    cdef int64_t row = on.row, at = 0
    cdef int n
    for n in range(on.count):
        on.columns[n].before = on.columns[n].so_far
    while at < on.size:
        at = _read_line(on, at) if on.row < on.rows else -1
        if at < 0:
            on.row = row
            for n in range(on.count):
                on.columns[n].so_far = on.columns[n].before
            return False
        on.row += 1
    on.before += on.size + 1
    return True


class Columns:
    """What a pass found: arrays with an item a row, as bytes, in which room for lines that were refused is left over.

    Attributes:
        rows: how many lines were read.
        refused: of each piece, whether it was: uint8.
        ends: int64, the place just after each line, without its line end, in the pieces that were read, with a line
            end between each two.
        texts: by name, a uint32 code for each line, and the texts in UTF-8 that codes from 1 stand for; 0 is none.
        numbers: by name, float64; NaN is none.
        flags: by name, uint8: 0, 1, or `NO_FLAG`.
        times: int64, epoch ms; or, if there are `stamps`, the place in them just after that of the line.
        stamps: times as they are written, one after the other, in ASCII; or None.
        nulls: by name, how many lines have no value.
    """

    def __init__(self):
        self.rows, self.refused, self.ends, self.times, self.stamps = 0, b"", b"", b"", None
        self.texts, self.numbers, self.flags, self.nulls = {}, {}, {}, {}


cdef class Reader:
    """Reads lines whose objects have any of these names, in any order; other names are passed over.

    Args:
        texts: names of texts.
        numbers: names of numbers.
        flags: names of flags.
        time: the name of an instant: a whole number, or a text.
    """

    cdef Pass _blank
    cdef tuple _names

    def __init__(self, texts, numbers, flags, time):
        cdef Column *column
        cdef bytes name, mask
        kinds = [*[TEXT] * len(texts), *[NUMBER] * len(numbers), *[FLAG] * len(flags), TIME]
        self._names = (*texts, *numbers, *flags, time)
        if len(self._names) > MOST or max(map(len, self._names)) > LONGEST:
            raise ValueError(f"at most {MOST} columns, with names of at most {LONGEST} letters")
        self._blank.count = len(self._names)
        self._blank.columns[self._blank.count].kind = UNKNOWN
        for number, kind in enumerate(kinds):
            column, name = &self._blank.columns[number], f'"{self._names[number]}"'.encode("ascii")
            mask = b"\xff" * len(name)
            column.kind, column.size = kind, len(name)
            memcpy(column.name, <const char *>name, column.size)
            memcpy(column.mask, <const char *>mask, column.size)

    def read(self, pieces, int64_t most_bytes):
        """The columns of the lines of pieces of `bytes`, without those pieces in which any line is not so simple.

        A piece may end in a line end; one that is empty or larger than `most_bytes` is refused. The pass runs without
        the interpreter's lock.
        """
        cdef tuple held = tuple(pieces)
        cdef Pass on = self._blank
        cdef Column *column
        cdef uint32_t code
        cdef int64_t n, count = len(held), total = 0
        cdef bytes piece, datas = _room(8 * count), sizes = _room(8 * count), refused = _room(count)
        cdef const uint8_t **data = <const uint8_t **><char *>datas
        cdef int64_t *size = <int64_t *><char *>sizes
        cdef uint8_t *refusal = <uint8_t *><char *>refused
        for n in range(count):
            piece = held[n]
            data[n], size[n] = piece, len(piece)
            total += size[n]
        with nogil:
            for n in range(count):
                on.rows += _count_lines(data[n], size[n])
        found, rooms, rows = Columns(), [], on.rows
        slots = 1 << (2 * rows + 1).bit_length()
        found.ends = _room(8 * rows)
        on.ends = <int64_t *><char *>found.ends
        for number, name in enumerate(self._names):
            column = &on.columns[number]
            room = _room((4 if column.kind == TEXT else 1 if column.kind == FLAG else 8) * rows)
            if column.kind == TEXT:
                rooms += [bytes(4 * slots), _room(8 * rows + 8), _room(8 * rows + 8)]
                column.slots, column.slot_mask = <uint32_t *><char *>rooms[-3], slots - 1
                column.starts, column.lengths = <const uint8_t **><char *>rooms[-2], <int64_t *><char *>rooms[-1]
                column.codes = <uint32_t *><char *>room
                found.texts[name] = room, []
            elif column.kind == NUMBER:
                column.numbers = <double *><char *>room
                found.numbers[name] = room
            elif column.kind == FLAG:
                column.flags = <uint8_t *><char *>room
                found.flags[name] = room
            else:
                found.times, found.stamps = room, _room(total)
                column.times, column.stamps = <int64_t *><char *>room, <uint8_t *><char *>found.stamps
        with nogil:
            for n in range(count):
                on.data, on.size = data[n], size[n]
                refusal[n] = not 0 < on.size <= most_bytes or not _read_piece(&on)
        found.rows, found.refused = on.row, refused
        for number, name in enumerate(self._names):
            column = &on.columns[number]
            found.nulls[name] = column.so_far.nulls
            if column.kind == TEXT:
                for code in range(1, column.codes_used + 1):
                    found.texts[name][1].append(column.starts[code][: column.lengths[code]])
            elif column.kind == TIME:
                found.stamps = found.stamps[: column.so_far.stamps_size] if column.so_far.form == IN_TEXTS else None
        return found


cdef bytes _room(size):
    """Bytes to be filled in; nobody else has them yet."""
    return PyBytes_FromStringAndSize(NULL, size)
