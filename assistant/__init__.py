"""Turns what the index finds into answers that show who said what, in the exact words."""
