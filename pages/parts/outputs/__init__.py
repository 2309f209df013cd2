"""Outputs: the typed values that a plain function left, each with what is known of it, its preview and its file.

`previews` has one drawer for each kind of preview; `drawing` draws the outputs of a step. A preview was made when its
value was saved, so that nothing here loads a value. Not here: results, which a step describes itself (see `results`).
"""

from pages.parts.outputs.drawing import draw

__all__ = ["draw"]
