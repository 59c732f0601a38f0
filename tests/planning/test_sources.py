"""The scripts for more source addresses, as text; tests/live/test_sources.py runs them."""

from collections import Counter
from ipaddress import ip_network

import pytest

from tui.planning.sources import KINDS, SourcesError, Wanted, script, split

V4 = ("10.0.0.21", "10.0.0.22", "10.0.0.23")
V6 = ("2001:db8::21", "2001:db8::22")


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (2, 2), (3, 16), (4, 4), (5, 32)])
def test_the_parts_are_the_whole_internet_in_nearly_equal_shares(count: int, parts: int) -> None:
    sources = [f"10.0.0.{number}" for number in range(count)]
    found = split(sources)
    networks = [ip_network(part) for part, _ in found]
    assert len(found) == parts
    assert sum(network.num_addresses for network in networks) == 2**32
    assert len(set(networks)) == parts
    shares = Counter(source for _, source in found)
    assert set(shares) == set(sources)
    assert max(shares.values()) - min(shares.values()) <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sources", [V4, V6])
def test_an_undo_takes_back_each_line_the_last_one_first(
    kind: str, sources: tuple[str, ...]
) -> None:
    dst = "2001:db8::9" if sources is V6 else "10.0.0.9"
    made = script(kind, Wanted(sources, "eth0", None, dst, tuple(range(1, len(sources) + 1))))
    back = [line.replace(" add ", " del ").partition(" nodad")[0] for line in made.apply]
    assert sorted(made.undo) == sorted(back)
    assert made.undo[-1] == back[0]
    assert all(line.startswith("ip -6 ") == (sources is V6) for line in made.apply)
    assert made.text().splitlines()[len(made.about) + 1] == "set -e"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("users", Wanted(V4, "eth0")),
        ("users", Wanted(V4, "eth0", None, "10.0.0.9", (1,))),
        ("turn", Wanted((*V4, *V6), "eth0")),
        ("subnets", Wanted(V4, "eth0", "2001:db8::1")),
        ("turn", Wanted((V4[0], V4[0]), "eth0")),
    ],
)
def test_what_does_not_fit_together_is_refused(kind: str, wanted: Wanted) -> None:
    with pytest.raises(SourcesError):
        script(kind, wanted)
