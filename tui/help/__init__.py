"""The book: topics as Markdown, and pages of it for a terminal, the dashboard, and man."""
