"""All that knows Textual: the app, its screens and widgets."""
