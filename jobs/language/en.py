"""English: one template per message code, grouped by who sends them."""

from jobs.language.template import Plural

Template = str | Plural

SENTENCES: dict[str, Template] = {
    # What a step says of itself in free words.
    "text": "{text}",
}
