"""Layout: where in a sheet the table begins, below titles, notes and empty rows, and how wide it is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

Row = Sequence[str | None]
# Rows by which the table is found.
LOOKED_AT = 100
# A row with fewer cells than this share of the fullest rows is a title or a note.
FULL = 0.6


@dataclass(frozen=True, slots=True)
class Layout:
    """`above` rows that are not blank stand over the table; its columns are those from `left` to `right`."""

    above: int
    left: int
    right: int
    head: list[Row]

    def rows(self, sheet: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows of the table in a sheet, the names among them, without blank ones, all of one width."""
        width = self.right - self.left
        for row in islice(filled_rows(sheet), self.above, None):
            cells = row[self.left : self.right]
            if any(cell is not None for cell in cells):
                yield cells if len(cells) == width else [*cells, *[None] * (width - len(cells))]


def filled_rows(sheet: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows that are not blank."""
    return (row for row in sheet if any(cell is not None for cell in row))


def layout_of(sheet: Iterable[Row]) -> Layout | None:
    """Return where the table of a sheet is; None for an empty sheet."""
    head = list(islice(filled_rows(sheet), LOOKED_AT))
    if not head:
        return None
    left = min(_first(row) for row in head)
    counts = sorted(sum(cell is not None for cell in row) for row in head)
    full = counts[len(counts) * 3 // 4]
    enough = max(FULL * full, min(full, 2))
    above = next((number for number, row in enumerate(head) if _filled(row[left:]) >= enough), 0)
    table = head[above:]
    left = min(_first(row) for row in table)
    right = max(_last(row) for row in table) + 1
    return Layout(above, left, right, [list(row[left:right]) for row in table])


def _filled(row: Row) -> int:
    """Return how many cells are filled; names begin with an empty one where the first column is an index."""
    count = sum(cell is not None for cell in row)
    return count + (count > 0 and row[0] is None and all(cell is not None for cell in row[1 : count + 1]))


def _first(row: Row) -> int:
    return next(place for place, cell in enumerate(row) if cell is not None)


def _last(row: Row) -> int:
    return max(place for place, cell in enumerate(row) if cell is not None)
