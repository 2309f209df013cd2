"""What this program is called: its version, its command, its logo, and how its libraries are installed."""

from pathlib import Path

VERSION = "0.1.0"
LOGO = Path(__file__).with_name("logo.svg")

_CHECKOUT = (Path(__file__).parent.parent / "pyproject.toml").exists()
# The wheel brings the command; in a checkout nothing has to be installed but the requirements.
COMMAND = "python -m jobs" if _CHECKOUT else "trainyard"
INSTALL = "pip install -r requirements.txt" if _CHECKOUT else f"pip install --force-reinstall trainyard=={VERSION}"
