"""The RQ dashboard: `reads` makes records of what RQ holds, `app` serves them as pages, JSON and CSV.

Nothing here changes a job or unpickles one. Not here: the truth about steps, which is in the store.
"""
