"""The report of a completed workflow: one HTML file to print or send, of any pipeline.

The file asks nothing of any server: charts are SVG within it, pictures are part of it. Not here: what a pipeline says
of its workflows beyond scores and results (`Pipeline.tell`).
"""

from jobs.verbs.report.document import POLICY, file_name, html

__all__ = ["POLICY", "file_name", "html"]
