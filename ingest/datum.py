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


def _convert(lon: Degrees, lat: Degrees, datum: str, how: dict[str, object]) -> Points:
    """Applies the conversion to the points in the box and copies the others."""
    if datum not in DATUMS:
        raise ValueError(f"datum {datum!r} is unknown; allowed: {', '.join(DATUMS)}")
    out_lon = np.array(lon, dtype=np.float64)
    out_lat = np.array(lat, dtype=np.float64)
    convert = how.get(datum)
    if convert is not None:
        inside = in_china_box(out_lon, out_lat)
        assert callable(convert)
        out_lon[inside], out_lat[inside] = convert(out_lon[inside], out_lat[inside])
    return out_lon, out_lat


def _gcj02_offset(lon: Degrees, lat: Degrees) -> Points:
    """What GCJ-02 adds to a WGS 84 point, degrees: a polynomial and sine waves in metres, brought to degrees."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    pi_x, pi_y = np.pi * x, np.pi * y
    wave = 20.0 * (np.sin(6.0 * pi_x) + np.sin(2.0 * pi_x))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * (x + y) + 0.1 * root
    east_m += (2.0 / 3.0) * (wave + 20.0 * np.sin(pi_x) + 40.0 * np.sin(pi_x / 3.0))
    east_m += (2.0 / 3.0) * (150.0 * np.sin(pi_x / 12.0) + 300.0 * np.sin(pi_x / 30.0))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += (2.0 / 3.0) * (wave + 20.0 * np.sin(pi_y) + 40.0 * np.sin(pi_y / 3.0))
    north_m += (2.0 / 3.0) * (160.0 * np.sin(pi_y / 12.0) + 320.0 * np.sin(pi_y / 30.0))
    phi = np.radians(lat)
    sine = np.sin(phi)
    bend = 1.0 - _ECCENTRICITY_SQ * sine * sine
    normal_m = _AXIS_M / np.sqrt(bend)
    meridian_m = normal_m * (1.0 - _ECCENTRICITY_SQ) / bend
    return np.degrees(east_m / (normal_m * np.cos(phi))), np.degrees(north_m / meridian_m)


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
