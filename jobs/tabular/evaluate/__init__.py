"""Evaluate: the step that measures the model on rows it has not seen.

`step` predictions and scores · `curves` measures of each class · `importance` of columns · `warnings` what makes the
scores doubtful. Not here: drawing any of it (pages).
"""
