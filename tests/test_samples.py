"""Every console sample of the README and of the topics is what the program prints."""

from pathlib import Path

import pytest

from tests.samples import PAGES, ROOT, Sample, of_page

RUN = [(page, one) for page in PAGES for one in of_page(page) if one.runs]


@pytest.mark.parametrize(
    ("page", "sample"), RUN, ids=[f"{page.stem}-{one.command[:40]}" for page, one in RUN]
)
def test_a_sample_is_true(page: Path, sample: Sample) -> None:
    assert sample.run() == sample.output, f"{page}: python -m tests.samples mends it"


def test_most_samples_can_be_run() -> None:
    assert len(RUN) >= 10


def test_the_readme_is_a_face_and_no_book() -> None:
    text = (ROOT / "README.md").read_bytes()
    assert len(text) <= 12_288
    assert text.count(b"](screenshots/") >= 4


def test_the_readmes_test_command_is_what_ci_runs() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    command = next(line for line in lines if "pytest" in line).removesuffix(" ||")
    for page in ("README.md", ".github/CONTRIBUTING.md"):
        assert f"```sh\n{command}\n```" in (ROOT / page).read_text()
