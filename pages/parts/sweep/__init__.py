"""The page of a sweep: its leaderboard as a table, its curves, and what can be said of both in a sentence."""
