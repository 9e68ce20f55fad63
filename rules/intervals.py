"""Spans of time as sorted lists of half-open `(start_ms, end_ms)` pairs, and the few operations rules need on them."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]


def union(spans: Iterable[Span], bridge_ms: int = 0) -> list[Span]:
    """Merges spans that overlap, touch, or lie less than `bridge_ms` apart."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and (start <= merged[-1][1] or start - merged[-1][1] < bridge_ms):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def intersect(a: list[Span], b: list[Span]) -> list[Span]:
    """What lies in both; `a` and `b` are sorted and free of overlaps."""
    out: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        (a_start, a_end), (b_start, b_end) = a[i], b[j]
        start, end = a_start if a_start > b_start else b_start, a_end if a_end < b_end else b_end
        if start < end:
            out.append((start, end))
        if a_end < b_end:
            i += 1
        else:
            j += 1
    return out


def subtract(a: list[Span], b: list[Span]) -> list[Span]:
    """What lies in `a` but not in `b`; both are sorted and free of overlaps."""
    out: list[Span] = []
    for start, end in a:
        for cut_start, cut_end in b:
            if cut_end <= start:
                continue
            if cut_start >= end:
                break
            if cut_start > start:
                out.append((start, cut_start))
            start = cut_end
            if start >= end:
                break
        if start < end:
            out.append((start, end))
    return out


def total_ms(spans: Iterable[Span]) -> int:
    """Summed length, milliseconds."""
    return sum(end - start for start, end in spans)
