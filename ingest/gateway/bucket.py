"""A token bucket: how fast one terminal may send, with a burst for what it gathered out of coverage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Bucket:
    """Tokens come back at `rate` a second up to `burst`; taking more than there are makes a debt to be waited off."""

    rate: float
    burst: float
    tokens: float
    at_s: float

    @classmethod
    def full(cls, rate: float, burst: float, now_s: float) -> Bucket:
        """A bucket as it is at the beginning."""
        return cls(rate, burst, burst, now_s)

    def take(self, tokens: int, now_s: float) -> float:
        """Takes tokens; returns the seconds to wait before taking more, 0 where none is needed."""
        self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.rate) - tokens
        self.at_s = now_s
        return max(0.0, -self.tokens / self.rate)
