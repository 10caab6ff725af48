"""Prose by a language model, held to the evidence: what it is shown, what it writes, and whether that is borne out."""
