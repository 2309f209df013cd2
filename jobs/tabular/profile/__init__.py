"""Profile: what is in the columns of a table, decided on every row.

`cells` texts as numbers, dates and texts · `observed` one column while its rows go by · `notices` roles and what a
person should know · `profiler` all of it for a table. Not here: reading files (`jobs.tabular.reader`), proposals.
"""
