"""What a package index is shown and the sources cannot know: where they are published.

A release is told by $TWTOP_URL, the address of a repository laid out as GitHub's are. Without it
a build has no project URLs, and the README's links stay relative: no made-up address, which
anybody could register, gets into a package.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

IMAGE = re.compile(r"(!\[[^\]]*\]\()(?!https?://)")
LINK = re.compile(r"((?<!!)\[[^\]]*\]\()(?!https?://|#)")
"""An image, or another link, to a file of the repository, up to the file's name."""


class Published(MetadataHookInterface):
    """Gives the readme and the project URLs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both; a link goes to the files of this very version, which later ones leave alone."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        if url := os.environ.get("TWTOP_URL", "").rstrip("/"):
            tag = f"v{metadata['version']}"
            text = IMAGE.sub(rf"\g<1>{url}/raw/{tag}/", text)
            text = LINK.sub(rf"\g<1>{url}/blob/{tag}/", text)
            metadata["urls"] = {
                "Source": url,
                "Issues": f"{url}/issues",
                "Changelog": f"{url}/blob/{tag}/.github/CHANGELOG.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
