"""Words for numbers, text of a width, tables, files that appear whole."""
