"""The comparison table, and its printed, Markdown and LaTeX forms."""
