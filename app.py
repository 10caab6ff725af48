"""`python app.py` serves the page: short for `saidso serve`, and it takes the same options."""

import sys

from assistant.__main__ import main

if __name__ == "__main__":
    sys.argv.insert(1, "serve")
    main()
