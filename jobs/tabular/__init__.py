"""Tabular: the built-in pipeline, from a file with a table to a tested model, registered like any other.

`upload` reads the file through a `reader` (`csv/`, `formats/`), in a `sandbox` where people's files are first looked
at, and takes the `profile/` of every `column`; `prepare/` makes matrices of it, `train/` learns, `evaluate/` measures.
`algorithms` is the table of what can be chosen; `proposal` and `fitness` say before a start what suggests itself and
what cannot work. `matrix` and `prefetch` are how big tables pass through little memory; `limits` and `facts` serve all
of them.

Not here: when and where steps run (`engine`), pages, verbs. Nothing outside this room and its pages names its steps,
algorithms or params.
"""
