"""The command line: one file a group of commands, and how they answer.

May not live here: what a command does (verbs), or anything that a page or the API needs too. Modules import what they
need when a command runs, because `--help` and a mistyped command should answer at once.
"""
