"""Predict: what the model of a completed workflow says of new rows. `predictor` is what pages, commands and requests
reach; all beside it runs in a sandbox, as a model file can run code when it is opened.
"""
