"""Measurements, run by hand: each says how in its first lines, and what it found is in LOG.md."""
