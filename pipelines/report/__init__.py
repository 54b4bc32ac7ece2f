"""The comparison as one page of HTML: tables in, HTML out.

Charts are drawn as SVG in the page itself, with their colours in its style sheet, so that one page
serves light, dark and print, a phone and a screen reader, and loads nothing from anywhere.
"""

from pipelines.report.contents import FORMS, LIMITS, AuditedFaces, Mistake, Run, TableForm
from pipelines.report.page import render

__all__ = ["FORMS", "LIMITS", "AuditedFaces", "Mistake", "Run", "TableForm", "render"]
