"""Manual pages, from what --help prints and from the topics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from tui import __version__
from tui.commands.examples import TITLE, UNWRAPPED
from tui.help.markdown import Block, Code, Heading, Item, Paragraph, blocks
from tui.help.roff import roff
from tui.help.topics import titles, topic

COMMANDS, TOPICS = 1, 7
"""Sections of the manual."""
ORIGIN = ("2026-11-27", f"twtop {__version__}")
"""The day of this version, and its name."""
EXIT_CODES = "Exit codes: "
UNLESS_TOLD = "Description"


def commands_of(context: click.Context) -> click.Group:
    """Return the group of all of twtop's commands."""
    group = context.find_root().command
    assert isinstance(group, click.Group)
    return group


def context_of(context: click.Context, name: str | None) -> click.Context:
    """Return the context of a command, loaded; without a name that of twtop itself."""
    root = context.find_root()
    if name is None:
        return root
    # Its parent is a new one: the values that this call has are no defaults for the help.
    outer = click.Context(root.command, info_name="twtop", **root.command.context_settings)
    return commands_of(context).commands[name].make_context(name, [], outer, resilient_parsing=True)


class Sections(click.HelpFormatter):
    """What click would write of a command's help, as blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Block] = []

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Take the line on how to call it."""
        self.parts += [Heading(2, "Synopsis"), Paragraph(f"`{prog}` {args}")]

    def write_heading(self, heading: str) -> None:
        """Take the title of a section."""
        self.parts.append(Heading(2, heading))

    def write_text(self, text: str) -> None:
        """Take what has no title: the description, and what follows the options."""
        described = Heading(2, UNLESS_TOLD) in self.parts
        title = "Notes" if described else UNLESS_TOLD
        for written in text.split("\n\n"):
            if written.startswith(UNWRAPPED):
                self._unwrapped(written.splitlines()[1:])
                continue
            told, mark, codes = " ".join(written.split()).partition(EXIT_CODES)
            if told:
                self.parts += [*[Heading(2, title)] * bool(title), Paragraph(told)]
                title = ""
            if mark:
                self.parts += [Heading(2, "Exit status"), Paragraph(codes)]

    def _unwrapped(self, lines: Sequence[str]) -> None:
        if lines[0] == TITLE:
            self.write_heading(lines[0].rstrip(":"))
            lines = lines[1:]
        self.parts.append(Code("", tuple(line.strip() for line in lines)))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Take a list of options, scenarios or commands."""
        self.parts += [Item(f"`{term}`", text) for term, text in rows]


def manual(context: click.Context, name: str | None) -> tuple[str, str]:
    """Return the file name and the source of the manual page about a command or a topic."""
    group = commands_of(context)
    full = "twtop" if name is None else f"twtop-{name}"
    if name is None or name in group.commands:
        of = context_of(context, name)
        sections = Sections()
        of.command.format_help(of, sections)
        about = group.commands[name].short_help if name else "htop for TIME-WAIT and ports"
        parts = [Heading(1, f"{full} - {_lower(about or '')}"), *sections.parts]
        if name is None:
            parts += [Heading(2, "Topics"), *(Item(f"`{a}`", b) for a, b in titles().items())]
        if name and name in titles():
            parts += _topic(name)[1]
        return f"{full}.{COMMANDS}", roff(parts, full, COMMANDS, ORIGIN)
    title, parts = _topic(name)
    head = Heading(1, f"{full} - {_lower(title)}")
    parts.insert(0, Heading(2, UNLESS_TOLD))
    return f"{full}.{TOPICS}", roff([head, *parts], full, TOPICS, ORIGIN)


def _topic(name: str) -> tuple[str, list[Block]]:
    first, *parts = blocks(topic(name))
    assert isinstance(first, Heading)
    return first.text, parts


def _lower(sentence: str) -> str:
    """Return a sentence as the NAME of a page has it."""
    return sentence[:1].lower() + sentence[1:].rstrip(".") if sentence[1:2].islower() else sentence
