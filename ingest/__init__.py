"""Fixes in: what a fix is, reading and cleaning them, datum conversion."""
