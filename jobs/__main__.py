"""The command: python -m jobs."""

import sys

from jobs.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
