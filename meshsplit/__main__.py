"""`python -m meshsplit` is the command `meshsplit`."""

import sys

from meshsplit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
