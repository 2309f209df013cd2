"""Train: the step that learns, epoch by epoch.

`data` what is learned from · `run` what a checkpoint holds · `losses` accuracy and loss · `publish` the estimator with
the labels of the file · `step` all of it. Not here: the algorithms and their params (`jobs.tabular.algorithms`).
"""
