"""Upkeep: is everything as it should be (doctor), and a copy of it all in one file (backup, restore).

May not live here: anything that a running app does by itself (the tick in `services` does that).
"""
