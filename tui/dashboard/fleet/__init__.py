"""The screens of a whole fleet."""
