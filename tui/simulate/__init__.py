"""Running out of ports against a server of the user's: what is coming, how it goes, which wall.

`target` says whose server it is, `surroundings` what is there before the first connection,
`expectation` what will come of it; `run` does it, and `wall` and `kept` say what came of it.
"""
