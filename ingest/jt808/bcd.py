"""Times in BCD: YYMMDDhhmmss in GMT+8, whatever the terminal's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

GMT8 = timezone(timedelta(hours=8), "GMT+8")
TIME_BYTES = 6


def read_time_ms(bcd: bytes) -> int | None:
    """Epoch milliseconds of six bytes; None where they are no time (not decimal, month 13, all zeros)."""
    digits = bcd.hex()
    if not digits.isdecimal():
        return None
    year, month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    try:
        return int(datetime(2000 + year, month, day, hour, minute, second, tzinfo=GMT8).timestamp()) * 1000
    except ValueError:
        return None


def write_time(time_ms: int) -> bytes:
    """Six bytes of an instant, epoch milliseconds; parts of a second are dropped."""
    return bytes.fromhex(datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(GMT8).strftime("%y%m%d%H%M%S"))
