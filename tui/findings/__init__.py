"""What a frame means: one set of rules, from which the screen, the commands and the API speak."""
