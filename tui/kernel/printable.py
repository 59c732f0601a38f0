"""Names that the kernel passes on from whoever gave them."""


def printable(name: str) -> str:
    """Replace what a terminal would act on or could not show: anyone can name a process so."""
    if name.isprintable():
        return name
    return "".join(character if character.isprintable() else "?" for character in name)
