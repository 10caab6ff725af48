"""Scoring with question sets: running, measuring, comparing, reporting, and drafting new sets."""
