"""The one error type that reaches a person: a plain sentence that names the input and the remedy."""


class SaidsoError(Exception):
    """Something a person can put right; `str(error)` is the sentence to show, never a traceback."""


class UnreadableError(SaidsoError):
    """A derived index does not open. It can be built again from the catalogue."""
