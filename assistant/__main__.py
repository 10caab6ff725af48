"""`python -m assistant` is `saidso`."""

from index.memory import nothing_collected

with nothing_collected():
    from assistant.cli import main

if __name__ == "__main__":
    main()
