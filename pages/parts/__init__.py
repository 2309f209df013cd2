"""Parts that more than one page draws with; what one page alone needs stands in the folder of that page.

Here: figures (charts), widgets from params (forms), panels on a timer (live), tables with ticks (tables), numbers and
times in words (words), links, addresses, commands to copy (commands), dialogs and presses (press), the visitor.
`results/` draws what a step leaves, by its kind. `tabular/` is the only part that knows the built-in pipeline.
Not here: rules (they belong to jobs) and anything one page alone uses.
"""
