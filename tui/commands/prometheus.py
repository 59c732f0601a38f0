"""The options that say how to ask a Prometheus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.commands.options import seconds, together

if TYPE_CHECKING:  # it brings ssl along, which `twtop check` of one host need not wait for
    from tui.fleet.client import Address

URL = "TWTOP_FLEET_URL"
TOKEN = "TWTOP_FLEET_TOKEN"
HEADERS = "TWTOP_FLEET_HEADERS"

prometheus_options = together(
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="'NAME: VALUE'",
        help=f"Send this header, such as 'X-Scope-OrgID: shop'; more than once for several. "
        f"${HEADERS} holds one a line.",
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="PATH",
        help="Send the bearer token in this file, read again for each request, but "
        f"once where it is a pipe. ${TOKEN} holds a token itself; on the command line all users of "
        "this host would see it.",
    ),
    click.option(
        "--timeout",
        callback=seconds(0.1, 300),
        metavar="TIME",
        help="How long one answer may take.  [default: 10s]",
    ),
)


def address(
    url: str, headers: tuple[str, ...], token_file: Path | None, timeout: float | None
) -> Address:
    """Return where to ask, by the options and the environment. Raises click.UsageError."""
    from tui.fleet.client import Address, read_token

    told = [*filter(None, os.environ.get(HEADERS, "").splitlines()), *headers]
    pairs = []
    for header in told:
        name, colon, value = header.partition(":")
        if not (colon and name.strip()):
            raise click.UsageError("a header is 'NAME: VALUE'")  # it may hold a secret
        pairs.append((name.strip(), value.strip()))
    token = "" if token_file is not None else os.environ.get(TOKEN, "").strip()
    renewed = token_file
    try:
        if token_file is not None and not token_file.is_file():
            # A pipe, as of <(command), has it once, and would be empty at the next request.
            token, renewed = read_token(token_file), None
        found = Address(url, tuple(pairs), token, renewed, 10.0 if timeout is None else timeout)
        found.check()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"--token-file {token_file}: {error.strerror}") from None
    return found
