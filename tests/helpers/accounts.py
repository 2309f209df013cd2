"""Accounts beside a running app, and how a browser signs in to one."""

import os
import subprocess
import sys
from pathlib import Path

PASSWORD = "Sarı-çizmeli-1"


def command(app, *arguments, typed=""):
    return subprocess.run(
        [sys.executable, "-m", "jobs", *arguments],
        input=typed,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"TRAINYARD_HOME": str(app.home)},
        cwd=Path(__file__).parents[2],
    )


def sign_in(page, name, password=PASSWORD):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
