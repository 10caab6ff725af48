"""Which Saidso this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def saidso_version() -> str:
    """Return the version that is installed."""
    try:
        return version("saidso")
    except PackageNotFoundError:
        return "from source"  # run in a checkout that was never installed
