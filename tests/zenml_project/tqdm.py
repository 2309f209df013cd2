"""A stand-in for the package of this name: a bar on stderr that is drawn over itself."""

import sys


def tqdm(items):
    items = list(items)
    for number, item in enumerate(items, start=1):
        yield item
        sys.stderr.write(f"\r{number}/{len(items)}")
    sys.stderr.write("\n")
