"""The lock file against pyproject.toml."""

import pytest

from portal.local.check_lock import problems

PYPROJECT = """
[project]
dependencies = ["Django>=5.2,<5.3"]
[project.optional-dependencies]
dev = ["psycopg[binary]>=3.2"]
"""
HASH = " \\\n    --hash=sha256:00\n"
LOCK = f"django==5.2.8{HASH}psycopg==3.2.1{HASH}psycopg-binary==3.2.1 ; implementation_name != 'pypy'{HASH}"


def test_lock_that_meets_everything_has_no_problems() -> None:
    assert problems(PYPROJECT, LOCK) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("django==5.2.8", "django==5.3", "Django>=5.2,<5.3 is not met by the lock."),
        (f"django==5.2.8{HASH}", "", "Django>=5.2,<5.3 is not met by the lock."),
        ("psycopg-binary", "psycopg-other", "psycopg[binary]>=3.2 is not met by the lock."),
        ("django==5.2.8" + HASH, "django==5.2.8\n", "django has no hash."),
        ("django==5.2.8", "idna>=3\ndjango==5.2.8", "idna>=3 is not a pin."),
        (
            "django==5.2.8",
            "# https://pypi.example/\ndjango==5.2.8",
            "The lock names an address; it must hold pins and hashes alone.",
        ),
    ],
)
def test_lock_that_does_not_fit_is_named(old: str, new: str, problem: str) -> None:
    assert problems(PYPROJECT, LOCK.replace(old, new, 1)) == [problem]
