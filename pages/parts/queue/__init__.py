"""Queues: queues, workers and jobs as tables."""
