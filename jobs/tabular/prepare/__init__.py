"""Prepare: the step that turns the typed table into matrices, and the fitted encoder from raw rows to them.

`params` what can be chosen · `target` the column to predict · `split` which rows train and which validate · `encoder`
the scikit-learn pipeline · `pack` the same for whole tables, faster · `matrices` the files · `step` all of it.
Not here: reading files, training.
"""
