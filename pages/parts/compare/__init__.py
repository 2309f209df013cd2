"""Compare: what the URL asks for, and the tables of scores and settings that differ."""
