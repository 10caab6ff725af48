"""`python -m assistant` is `saidso`."""

from assistant.cli import main

main()
