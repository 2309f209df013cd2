"""New: the ways to data, the gallery of pipelines, and the form of one. Not here: train on a table (see tabular)."""
