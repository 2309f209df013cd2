"""Limits of what a table may hold, and which cells mean that a value is missing; without any library."""

# The most classes a target may have: one byte a row, and one line each in every table of results.
MOST_CLASSES = 50
FEWEST_ROWS = 20
# Rows are tested in folds where all of them fit into memory, and are soon trained on several times.
MOST_FOLDED_ROWS = 50_000
# A number beyond this is counted as missing: its square no longer fits into a float64.
HUGE = 1e100

# Cells that mean "no value". Signs never mean anything else. Words may also be an answer: in a column to predict they
# are values, elsewhere a notice says that they count as missing. Together a superset of what pandas takes for missing.
MISSING_SIGNS = (
    "",
    "<NA>",
    "#N/A",
    "#NA",
    "#N/A N/A",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "-1.#IND",
    "-1.#QNAN",
    "1.#IND",
    "1.#QNAN",
    "-",
    "?",
)
MISSING_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "None")
MISSING = MISSING_SIGNS + MISSING_WORDS
