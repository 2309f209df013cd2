"""Trainyard as an installed program: in the wheel, this folder also holds app.py and the folders beside it."""
