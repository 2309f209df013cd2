"""Formats whose cells have types, behind the interface of `jobs.tabular.reader`.

`detect` which format the bytes of a file are · `texts` typed values as text · `layout` where in a sheet the table
begins · `excel`, `parquet`, `json_lines` one format each. Not here: CSV (`jobs.tabular.csv`), and what the cells mean
(`jobs.tabular.profile`).
"""
