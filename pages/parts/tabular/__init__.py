"""What knows the built-in pipeline: the profile of a table, pickers, and its results as kinds that any page draws.

The only pages that may see jobs.tabular are these.
"""
