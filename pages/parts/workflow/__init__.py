"""The page of one workflow: its notebook, cells, curves, graph and dialogs. Not here: how a result is drawn."""
