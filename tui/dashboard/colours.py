"""A theme's colours, moved as far as it takes to be read: some themes' own cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.color import BLACK, WHITE, Color

TEXT, LINE = 4.5, 3.0
"""Least contrast of text, and of borders and marks, to what they stand on (WCAG 2.2, AA)."""
STEPS = 50
CURSOR = 0.35
"""How much of the primary colour the selected row has, where all can be read on it."""
TEXTS = (
    "foreground",
    "primary",
    "primary-lighten-1",
    "secondary",
    "accent",
    "success",
    "warning",
    "error",
)
LINES = ("border", "panel-lighten-2")
ANSI = {
    True: {
        "primary": "ansi_bright_blue",
        "primary-lighten-1": "ansi_bright_blue",
        "accent": "ansi_cyan",
    },
    False: {"warning": "ansi_magenta", "accent": "ansi_blue"},
}
"""What stands in for some of the terminal's own colours, on dark ground and on light: most show
their blue too dark on black, a warning in bright red would be louder than an alarm, and keys are
neither that nor what is good."""
QUIET = "ansi_bright_black"
"""Borders among the terminal's own colours."""


def readable(variables: Mapping[str, str], *, dark: bool) -> dict[str, str]:
    """Return those of a theme's variables that have to differ, as hexadecimal colours.

    What is written on the background is written on the title line, the footer and the selected
    row too. A theme of the terminal's own colours keeps to these, whatever they are. Its
    selected row has the mark before it and bold letters only, since red on blue is hard to read.
    """
    if any(variables[name].startswith("ansi") for name in ("background", "foreground")):
        return {
            "row-cursor": variables["background"],
            "footer-background": variables["panel"],
            "panel-lighten-2": QUIET,
            "footer-key-foreground": ANSI[dark]["accent"],
            "border": ANSI[dark]["accent"],
            "scrollbar": QUIET,
            **ANSI[dark],
        }
    ground = Color.parse(variables["background"])
    surfaces = [ground, *(ground + Color.parse(variables[name]) for name in ("surface", "panel"))]
    towards = WHITE if dark else BLACK
    share = CURSOR
    primary = Color.parse(variables["primary"])
    while contrast(cursor := ground.blend(primary, share), towards) < 2 * TEXT:
        share -= CURSOR / STEPS
    surfaces.append(cursor)
    found = {
        name: _moved(ground + Color.parse(variables[name]), surfaces, towards, TEXT)
        for name in TEXTS
    }
    muted = ground.blend(found["foreground"], 0.6)
    found["text-muted"] = found["text-disabled"] = _moved(muted, surfaces, towards, TEXT)
    found |= {
        name: _moved(ground + Color.parse(variables[name]), [ground], towards, LINE)
        for name in LINES
    }
    found |= {
        "row-cursor": cursor,
        "footer-background": surfaces[2],
        "footer-key-foreground": found["accent"],
        "footer-description-foreground": found["foreground"],
    }
    return {name: colour.hex for name, colour in found.items()}


def _moved(colour: Color, surfaces: Sequence[Color], towards: Color, least: float) -> Color:
    """Return the colour nearest to this one that stands out from all of the surfaces."""
    for step in range(STEPS + 1):
        moved = colour.blend(towards, step / STEPS)
        if all(contrast(moved, surface) >= least for surface in surfaces):
            return moved
    return towards


def contrast(one: Color, other: Color) -> float:
    """Return how much two opaque colours stand out from each other, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
