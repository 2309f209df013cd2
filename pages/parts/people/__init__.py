"""People: the dialogs of the page, and tokens."""
