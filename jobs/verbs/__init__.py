"""Verbs: everything that a button, a command and a request can do, one function each.

A verb says which role it needs, is recorded in the audit trail, and refuses with an error whose sentence is fit to be
shown. Beside them stand what callers write, turned into what verbs take (`queries`), and records as JSON (`schemas`).

May not live here: HTTP, drawing, and how steps are run.
"""
