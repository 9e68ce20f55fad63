"""Between the datums that Chinese terminals and maps use, and WGS 84; vectorised over numpy arrays.

GCJ-02 (Gaode, Tencent) adds a smooth offset of 100 to 700 m to WGS 84 inside China. The offset has no official
publication; the formula here is the one the public open-source converters agree on (googollee/eviltransform,
wandergis/coordtransform), whose published example points the tests repeat. BD-09 (Baidu) turns and stretches GCJ-02
once more. Neither has a closed inverse, so the inverse iterates the forward offset: a round shrinks the error by a
factor of more than 150, and the rounds below leave 0.2 mm at most anywhere in China.

CGCS2000 is kept as it is: its ellipsoid differs from that of WGS 84 by 0.1 mm on the ground and its frame by
centimetres (Yang Yuanxi, "Chinese Geodetic Coordinate System 2000", Chinese Science Bulletin 54, 2009, p. 2714-2721,
doi:10.1007/s11434-009-0342-9); even with the drift of the plates since its epoch 2000.0 (some 3 cm a year) that stays
below a metre, under the error of a truck's receiver.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ingest.fix import DATUMS

Degrees = NDArray[np.float64]
Points = tuple[Degrees, Degrees]

#: The offset is defined on the Krasovsky 1940 ellipsoid: semi-major axis and squared eccentricity.
_AXIS_M = 6_378_245.0
_ECCENTRICITY_SQ = 0.00669342162296594323

#: Outside this box (degrees, WGS 84) GCJ-02 and BD-09 are WGS 84; the box every public converter uses.
CHINA_BOX_DEG = (72.004, 0.8293, 137.8347, 55.8271)

#: BD-09 is GCJ-02 turned and stretched by waves of this many radians a degree, then moved.
_BD_WAVE = np.pi * 3000.0 / 180.0
_BD_SHIFT_LON_DEG, _BD_SHIFT_LAT_DEG = 0.0065, 0.006

#: Rounds of the inverse, the first guess (good to 5 m) included.
_ROUNDS = 3
#: Points converted at a time, so that everything stays in the processor's cache.
_CACHED_POINTS = 8192


def to_wgs84(lon: Degrees, lat: Degrees, datum: str) -> Points:
    """Converts from a datum to WGS 84.

    Args:
        lon: longitudes in `datum`, degrees, any shape; NaN stays NaN.
        lat: latitudes, the same shape.
        datum: one of `DATUMS`.

    Returns:
        Longitudes and latitudes in WGS 84, degrees, new arrays; error below 1 mm against the forward conversion.

    Raises:
        ValueError: for an unknown datum.
    """
    return _convert(lon, lat, datum, {"gcj02": _gcj02_to_wgs84, "bd09": _bd09_to_wgs84})


def from_wgs84(lon: Degrees, lat: Degrees, datum: str) -> Points:
    """Converts from WGS 84 to a datum; arguments, result and errors as in `to_wgs84`, directions reversed."""
    return _convert(lon, lat, datum, {"gcj02": _wgs84_to_gcj02, "bd09": _wgs84_to_bd09})


def in_china_box(lon: Degrees, lat: Degrees) -> NDArray[np.bool_]:
    """Where a point lies in the box inside which GCJ-02 and BD-09 differ from WGS 84; False for NaN."""
    west, south, east, north = CHINA_BOX_DEG
    inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def _convert(lon: Degrees, lat: Degrees, datum: str, how: dict[str, Callable[[Degrees, Degrees], Points]]) -> Points:
    """Applies the conversion to the points in the box and copies the others."""
    if datum not in DATUMS:
        raise ValueError(f"datum {datum!r} is unknown; allowed: {', '.join(DATUMS)}")
    out_lon, out_lat = np.array(lon, np.float64, order="C"), np.array(lat, np.float64, order="C")
    convert = how.get(datum)
    if convert is not None:
        flat_lon, flat_lat = out_lon.reshape(-1), out_lat.reshape(-1)  # views: the arrays above are contiguous
        inside = np.flatnonzero(in_china_box(flat_lon, flat_lat))
        for start in range(0, inside.size, _CACHED_POINTS):
            at = inside[start : start + _CACHED_POINTS]
            flat_lon[at], flat_lat[at] = convert(flat_lon[at], flat_lat[at])
    return out_lon, out_lat


def _gcj02_offset(lon: Degrees, lat: Degrees) -> Points:
    """What GCJ-02 adds to a WGS 84 point, degrees: a polynomial and sine waves in metres, brought to degrees."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    x30, x12, x3, x1 = _waves(x)
    y30, y12, y3, y1 = _waves(y)
    x_half = 2.0 * x1[0] * x1[1]
    shared = x_half * (4.0 - 4.0 * x_half * x_half)  # sin(6 pi x) + sin(2 pi x), by the triple angle
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * (x + y) + 0.1 * root
    east_m += (40.0 / 3.0) * (shared + x1[0] + 2.0 * x3[0] + 7.5 * x12[0] + 15.0 * x30[0])
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += (40.0 / 3.0) * (shared + y1[0] + 2.0 * y3[0] + 8.0 * y12[0] + 16.0 * y30[0])
    sine = np.sin(np.radians(lat))
    bend = 1.0 - _ECCENTRICITY_SQ * sine * sine
    normal_m = _AXIS_M / np.sqrt(bend)
    meridian_m = normal_m * (1.0 - _ECCENTRICITY_SQ) / bend
    return np.degrees(east_m / (normal_m * np.sqrt(1.0 - sine * sine))), np.degrees(north_m / meridian_m)


def _waves(x: Degrees) -> tuple[Points, Points, Points, Points]:
    """Sine and cosine of pi x over 30, 12, 3 and 1.

    All are multiples (2, 5, 20, 60) of one angle, so one sine and one cosine are computed and the rest follows by
    sums, doubling and tripling of angles, which is several times faster and exact to 1e-13.
    """
    base = x * (np.pi / 60.0)
    by60 = np.sin(base), np.cos(base)
    by30 = _doubled(by60)
    by15 = _doubled(by30)
    by12 = by15[0] * by60[1] + by15[1] * by60[0], by15[1] * by60[1] - by15[0] * by60[0]
    by3 = _doubled(_doubled(by12))
    by1 = by3[0] * (3.0 - 4.0 * by3[0] * by3[0]), by3[1] * (4.0 * by3[1] * by3[1] - 3.0)
    return by30, by12, by3, by1


def _doubled(angle: Points) -> Points:
    """Sine and cosine of twice the angle."""
    sine, cosine = angle
    return 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine


def _wgs84_to_gcj02(lon: Degrees, lat: Degrees) -> Points:
    d_lon, d_lat = _gcj02_offset(lon, lat)
    return lon + d_lon, lat + d_lat


def _gcj02_to_wgs84(lon: Degrees, lat: Degrees) -> Points:
    guess_lon, guess_lat = lon, lat
    for _ in range(_ROUNDS):
        d_lon, d_lat = _gcj02_offset(guess_lon, guess_lat)
        guess_lon, guess_lat = lon - d_lon, lat - d_lat
    return guess_lon, guess_lat


def _gcj02_to_bd09(lon: Degrees, lat: Degrees) -> Points:
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD_WAVE)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD_WAVE)
    return radius * np.cos(angle) + _BD_SHIFT_LON_DEG, radius * np.sin(angle) + _BD_SHIFT_LAT_DEG


def _bd09_to_gcj02(lon: Degrees, lat: Degrees) -> Points:
    guess_lon, guess_lat = lon - _BD_SHIFT_LON_DEG, lat - _BD_SHIFT_LAT_DEG
    for _ in range(_ROUNDS):
        made_lon, made_lat = _gcj02_to_bd09(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - made_lon), guess_lat + (lat - made_lat)
    return guess_lon, guess_lat


def _wgs84_to_bd09(lon: Degrees, lat: Degrees) -> Points:
    return _gcj02_to_bd09(*_wgs84_to_gcj02(lon, lat))


def _bd09_to_wgs84(lon: Degrees, lat: Degrees) -> Points:
    return _gcj02_to_wgs84(*_bd09_to_gcj02(lon, lat))
