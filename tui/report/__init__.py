"""A frame as records, text and JSON; the plan and the bundle."""
