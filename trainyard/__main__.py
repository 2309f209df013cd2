"""The command `trainyard`; in a checkout, `python -m trainyard` is the same."""

import sys
from pathlib import Path

_FOLDER = Path(__file__).parent
# The wheel carries app.py beside this file; a checkout has it one folder up.
ROOT = _FOLDER if (_FOLDER / "app.py").exists() else _FOLDER.parent


def main() -> int:
    """Run one command and return its exit code."""
    sys.path.insert(0, str(ROOT))
    from jobs.cli.app import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
