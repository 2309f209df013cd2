"""Pages of pipelines: their last runs in short, and the code with which one was started. Not here: forms (see new)."""
