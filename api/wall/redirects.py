"""Redirects: where a browser may be sent after signing in."""


def way_back(path: str) -> str:
    """Where to go after signing in: a path of our own, or the front page."""
    plain = path.replace("\\", "/")
    return path if plain.startswith("/") and not plain.startswith("//") and plain.isprintable() else "/"
