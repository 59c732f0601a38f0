"""What the exposition says, parsed by Prometheus's own client."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tui.kernel.places import place_at
from tui.kernel.processes import Owners
from tui.kernel.source import Source
from tui.metrics.exposition import Scrapes
from tui.metrics.post import Post

Labels = frozenset[tuple[str, str]]


class Told(NamedTuple):
    """Every sample of a text, and the kind of each metric."""

    samples: dict[tuple[str, Labels], float]
    kinds: dict[str, str]

    def value(self, name: str, /, **labels: object) -> float | None:
        """The one sample that has these labels among its own; None where none has."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        found = [v for (of, has), v in self.samples.items() if of == name and wanted <= has]
        assert len(found) <= 1, found
        return found[0] if found else None

    def named(self, name: str) -> list[dict[str, str]]:
        """The labels of each series of a metric."""
        return [dict(labels) for of, labels in self.samples if of == name]


def parsed(text: str) -> Told:
    samples: dict[tuple[str, Labels], float] = {}
    kinds = {}
    for family in text_string_to_metric_families(text):
        kinds[family.name] = family.type
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples, key  # Prometheus refuses the whole scrape
            samples[key] = sample.value
    return Told(samples, kinds)


def post(proc: Path) -> Post:
    return Post(Source(place_at(proc), "proc", 1.0), lambda: Owners({}))


def scraped(posts: Sequence[Post] | Path) -> Told:
    """What one scrape says of these places."""
    given: Iterable[Post] = (post(posts),) if isinstance(posts, Path) else posts
    return parsed(Scrapes(tuple(given), 0.0, walks=False).text().decode())
