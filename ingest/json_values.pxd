# cython: language_level=3, cdivision=True
"""Values of JSON into columns, byte by byte: what a pass reads, and what it refuses (see `json_columns.pyx`).

It is safe whatever the bytes are. Behind a `bytes` object stands a zero byte, no byte that the pass accepts is zero, and
it goes on by one byte only after it has accepted that byte: so it stops there at the latest. Where several bytes are
looked at together, it is asked first how many are left. Columns have one row a line, the lines are counted before, and
a distinct text is noted at most once a row.
"""

from libc.math cimport NAN
from libc.stdint cimport INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    static const double MUCKWATCH_POWERS[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

    /* A whole number over a power of ten, rounded to the nearest double: the quotient is taken to 64 binary places more
       than it has, and its last bit says whether anything is left over. */
    static double muckwatch_quotient(unsigned long long whole, int places)
    {
        unsigned __int128 power = (unsigned long long)MUCKWATCH_POWERS[places];
        unsigned __int128 wide = (unsigned __int128)whole << 64, quotient = wide / power;
        return (double)(quotient | (quotient * power != wide)) * 0x1p-64;
    }
    """
    const double[19] POWERS "MUCKWATCH_POWERS"
    double quotient "muckwatch_quotient"(uint64_t whole, int places) noexcept nogil

cdef enum:
    MOST = 32  # columns
    LONGEST = 14  # bytes of a column's name: in its quotes it is looked at as two words
    TRIES = 64  # with more texts of like hashes somebody meant it
    DIGITS = 19  # of a number: more may not fit into 64 bits
    EXACT_BITS = 53  # whole numbers of so many bits are doubles
    NULL_FLAG = 2

cdef enum Kind:
    TEXT, NUMBER, FLAG, TIME, UNKNOWN

cdef enum Form:
    UNDECIDED, IN_NUMBERS, IN_TEXTS


cdef struct SoFar:
    int64_t nulls, stamps_size
    Form form  # of times


cdef struct Column:
    Kind kind
    int size  # of the name in its quotes
    uint64_t[2] name, mask  # the name in its quotes, and which of those bytes it takes
    SoFar so_far, before  # `before` the piece that is being read
    uint32_t *codes  # of texts
    uint32_t *slots  # of each hash: a code, or 0
    uint64_t slot_mask
    const uint8_t **starts  # of the text of each code; code 0 is none
    int64_t *lengths
    uint32_t last  # code seen
    uint32_t codes_used
    double *numbers
    uint8_t *flags
    int64_t *times  # epoch ms, or where in `stamps` the text of the row ends
    uint8_t *stamps


cdef struct Pass:
    const uint8_t *data  # of the piece that is being read
    int64_t size
    int64_t before  # of the pieces read before it, with a line end for each
    int64_t row, rows
    int64_t *ends
    int count
    int[MOST] order  # of the names, as last seen
    Column[MOST + 1] columns  # the last stands for names that are none


cdef inline int64_t past_blanks(const uint8_t *data, int64_t at) noexcept nogil:
    while data[at] <= c" " and (data[at] == c" " or data[at] == c"\t" or data[at] == c"\r"):
        at += 1
    return at


cdef inline int64_t past_text(const uint8_t *data, int64_t at, uint64_t *hashed, uint8_t *bits) noexcept nogil:
    """From behind a quote to the quote that ends the text; -1 where anything in it is odd."""
    cdef uint64_t mixed = 0
    cdef uint8_t every = 0
    while data[at] != c'"':
        if data[at] < 32 or data[at] == c"\\":
            return -1
        mixed = (mixed << 5 | mixed >> 59) ^ data[at]
        every |= data[at]
        at += 1
    hashed[0], bits[0] = mixed * 0x9E3779B97F4A7C15ULL >> 32, every
    return at


cdef inline bint is_utf8(const uint8_t *text, int64_t size) noexcept nogil:
    cdef int64_t at = 0
    cdef int more, n
    cdef uint8_t first, second
    while at < size:
        first = text[at]
        more = 0 if first < 0x80 else 1 if 0xC2 <= first < 0xE0 else 2 if 0xE0 <= first < 0xF0 else 3
        if size - at <= more or (more == 3 and not 0xF0 <= first < 0xF5):
            return False
        for n in range(1, more + 1):
            if text[at + n] >> 6 != 2:
                return False
        if more > 1:  # neither longer than need be, nor half a character, nor beyond the last
            second = text[at + 1]
            if first == 0xE0 and second < 0xA0 or first == 0xED and second > 0x9F:
                return False
            if first == 0xF0 and second < 0x90 or first == 0xF4 and second > 0x8F:
                return False
        at += more + 1
    return True


cdef inline int64_t past_word(const uint8_t *data, int64_t at, const char *word) noexcept nogil:
    """Behind a word, or -1."""
    while word[0]:
        if data[at] != <uint8_t>word[0]:
            return -1
        at += 1
        word += 1
    return at


cdef inline bint is_named(const Column *column, const uint64_t *seen) noexcept nogil:
    return not ((seen[0] ^ column.name[0]) & column.mask[0]) and not ((seen[1] ^ column.name[1]) & column.mask[1])


cdef inline int column_named(Pass *on, int64_t at, int place) noexcept nogil:
    """The column whose name stands here in its quotes; the one behind the last if none's does."""
    cdef uint64_t[2] seen = [0, 0]
    cdef int found = on.order[place] if place < MOST else 0
    if on.size - at >= 16:
        memcpy(seen, on.data + at, 16)
    else:
        memcpy(seen, on.data + at, on.size - at)
    if is_named(&on.columns[found], seen):
        return found
    found = 0
    while found < on.count and not is_named(&on.columns[found], seen):
        found += 1
    if place < MOST and found < on.count:
        on.order[place] = found
    return found


# Those below begin at a value and say where it ends, or -1 if it is refused.


cdef inline int64_t pass_over(Pass *on, int64_t at) noexcept nogil:
    """Goes past a text that no column is for."""
    cdef uint64_t hashed = 0
    cdef uint8_t bits = 0
    cdef int64_t end = past_text(on.data, at + 1, &hashed, &bits) if on.data[at] == c'"' else -1
    return end + 1 if end > 0 and (bits < 128 or is_utf8(on.data + at, end - at)) else -1


cdef inline int64_t read_text(Pass *on, Column *column, int64_t at) noexcept nogil:
    """Notes a text as the code of its like. Texts repeat, most often that of the line before."""
    cdef const uint8_t *data = on.data
    cdef int64_t start = at + 1, end, length
    cdef uint64_t hashed = 0, slot
    cdef uint32_t code = column.last
    cdef uint8_t bits = 0
    cdef int tries
    if code:
        length = column.lengths[code]
        if on.size - start > length and data[start + length] == c'"':
            if not memcmp(data + start, column.starts[code], length):
                column.codes[on.row] = code
                return start + length + 1
    end = past_text(data, start, &hashed, &bits)
    if end < 0:
        return -1
    length = end - start
    for tries in range(TRIES):
        slot = (hashed + tries) & column.slot_mask
        code = column.slots[slot]
        if not code:
            if column.codes_used == on.rows or (bits > 127 and not is_utf8(data + start, length)):
                return -1
            column.codes_used += 1
            column.slots[slot] = code = column.codes_used
            column.starts[code], column.lengths[code] = data + start, length
            break
        if column.lengths[code] == length and not memcmp(data + start, column.starts[code], length):
            break
    else:
        return -1
    column.codes[on.row] = column.last = code
    return end + 1


cdef inline int64_t read_stamp(Pass *on, Column *column, int64_t at) noexcept nogil:
    """Notes a time that is written as text: its bytes, which must be ASCII."""
    cdef int64_t start = at + 1, end
    cdef uint64_t hashed = 0
    cdef uint8_t bits = 0
    end = past_text(on.data, start, &hashed, &bits)
    if end < 0 or bits > 127 or column.so_far.form == IN_NUMBERS:
        return -1
    column.so_far.form = IN_TEXTS
    memcpy(column.stamps + column.so_far.stamps_size, on.data + start, end - start)
    column.so_far.stamps_size += end - start
    column.times[on.row] = column.so_far.stamps_size
    return end + 1


cdef inline int64_t read_number(Pass *on, Column *column, int64_t at) noexcept nogil:
    """Notes a number, if the double or the whole number nearest to what is written can be told for certain."""
    cdef const uint8_t *data = on.data
    cdef bint negative = data[at] == c"-"
    cdef int64_t start = at + negative, digits, places = 0
    cdef uint64_t whole = 0
    cdef double number
    at = start
    while c"0" <= data[at] <= c"9":
        whole = whole * 10 + (data[at] - c"0")
        at += 1
    digits = at - start
    if digits == 0 or (digits > 1 and data[start] == c"0"):
        return -1
    if data[at] == c".":
        at += 1
        start = at
        while c"0" <= data[at] <= c"9":
            whole = whole * 10 + (data[at] - c"0")
            at += 1
        places = at - start
        if places == 0:
            return -1
    if digits + places > DIGITS:
        return -1
    if column.kind == NUMBER:
        if not whole >> EXACT_BITS:
            number = <double>whole / POWERS[places]  # of two exact numbers, so it is the nearest
        elif places:
            number = quotient(whole, places)
        else:
            return -1
        column.numbers[on.row] = -number if negative and (whole or places) else number
    elif column.kind == TIME:
        if places or digits == DIGITS or column.so_far.form == IN_TEXTS:
            return -1
        column.so_far.form = IN_NUMBERS
        column.times[on.row] = -<int64_t>whole if negative else <int64_t>whole
    return at


cdef inline void put_null(Pass *on, Column *column) noexcept nogil:
    column.so_far.nulls += 1
    if column.kind == TEXT:
        column.codes[on.row] = 0
    elif column.kind == NUMBER:
        column.numbers[on.row] = NAN
    elif column.kind == FLAG:
        column.flags[on.row] = NULL_FLAG
    elif column.kind == TIME:
        column.times[on.row] = INT64_MIN


cdef inline int64_t read_value(Pass *on, Column *column, int64_t at) noexcept nogil:
    cdef uint8_t first = on.data[at]
    if first == c'"':
        if column.kind == TEXT:
            return read_text(on, column, at)
        return read_stamp(on, column, at) if column.kind == TIME else pass_over(on, at) if column.kind == UNKNOWN else -1
    if first == c"-" or c"0" <= first <= c"9":
        return -1 if column.kind == TEXT or column.kind == FLAG else read_number(on, column, at)
    if first == c"n":
        put_null(on, column)
        return past_word(on.data, at, "null")
    if column.kind == FLAG:
        column.flags[on.row] = first == c"t"
    elif column.kind != UNKNOWN:
        return -1
    return past_word(on.data, at, "true" if first == c"t" else "false")
