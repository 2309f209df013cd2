"""Processes: forking them ahead of time, watching them, and ending them with all that they started.

May not live here: what a process does. Nothing here imports the store, the queue or anything else of ours.
"""
