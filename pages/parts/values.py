"""Values that results are drawn from; without any library."""

from collections.abc import Callable, Mapping
from typing import Any

# A result as a step returned it: JSON of which only its drawer knows more.
Value = Mapping[str, Any]
# The bytes of a file that the step saved, by its name; None when there is none.
Files = Callable[[str], bytes | None]
