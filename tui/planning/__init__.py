"""From a load to what it needs, and what each remedy brings."""
