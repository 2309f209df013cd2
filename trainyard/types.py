"""Texts that are drawn as what they are: `from trainyard.types import HTMLString`."""

from trainyard import CSVString, HTMLString, JSONString, MarkdownString

__all__ = ["CSVString", "HTMLString", "JSONString", "MarkdownString"]
