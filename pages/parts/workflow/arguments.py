"""What a plain function is called with, in words."""

from jobs.pipelines.handed import Pattern
from pages.parts import words


def words_of(pattern: Pattern) -> str:
    """Where a value comes from, such as: pages of step crawl."""
    if "output" in pattern:
        key, name = pattern["output"]
        return f"{name} of step {key}"
    if "stored" in pattern:
        return f"artifact {pattern['stored']['id']}"
    if "dataset" in pattern:
        return f"dataset of input {pattern['dataset']}"
    if "pairs" in pattern:
        return ", ".join(f"{key}: {words_of(each)}" for key, each in pattern["pairs"])
    inner = pattern.get("items") or pattern.get("parts")
    return words.listed([words_of(each) for each in inner]) if inner else words.value(pattern.get("value"))
