"""Language: the one room in which facts become sentences.

What is stored is a `Message`, a code with values. `sentence` turns it into words by the catalogue of a language; each
catalogue is one module with one template per code; `phrase` does it for a code that is not stored. Nothing here reads
the database, and nothing is ever parsed back from a sentence. Not here: labels and texts of a page that tell no stored
fact.
"""

from jobs.language.sentences import WRITTEN_IN, phrase, sentence, sentence_of, text_of

__all__ = ["WRITTEN_IN", "phrase", "sentence", "sentence_of", "text_of"]
