"""What settings read from `.local/`."""

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portal.local.find import Urls, find_urls, load_or_make_keys, state_file, write_state

URLS = Urls("postgresql://portal:secret@127.0.0.1:5001/portal", "redis://:secret@127.0.0.1:5002/0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".local").mkdir()
    return tmp_path


def test_running_servers_are_found_through_a_file_for_its_owner_alone(root: Path) -> None:
    write_state(root, URLS, "http://127.0.0.1:8001", {"web": 7})

    assert find_urls(root) == URLS
    assert stat.S_IMODE(state_file(root).stat().st_mode) == 0o600
    assert json.loads(state_file(root).read_text())["emulator_url"] == "http://127.0.0.1:8001"


def test_servers_of_a_killed_run_are_not_found(root: Path) -> None:
    write_state(root, URLS, "", {})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    state = json.loads(state_file(root).read_text())

    state_file(root).write_text(json.dumps({**state, "pid": ended.pid}))

    assert find_urls(root) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"database_url": 3}'])
def test_half_written_state_is_no_state(root: Path, text: str) -> None:
    state_file(root).write_text(text)

    assert find_urls(root) is None


def test_keys_are_made_once_for_their_owner_alone(root: Path) -> None:
    keys = load_or_make_keys(root)

    assert load_or_make_keys(root) == keys
    assert {key_id: len(base64.b64decode(key)) for key_id, key in keys.field_keys.items()} == {"k1": 32}
    assert [path.name for path in (root / ".local").iterdir()] == ["keys.json"]
    assert stat.S_IMODE((root / ".local" / "keys.json").stat().st_mode) == 0o600


def test_empty_keys_file_is_filled(root: Path) -> None:
    (root / ".local" / "keys.json").write_text("")

    assert load_or_make_keys(root) == load_or_make_keys(root)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"django_secret_key": "", "field_keys": {}}'])
def test_damaged_keys_are_named_and_never_replaced(root: Path, text: str) -> None:
    path = root / ".local" / "keys.json"
    path.write_text(text)

    with pytest.raises(SystemExit) as ended:
        load_or_make_keys(root)

    assert ended.value.code == (
        f"{path} is damaged. It opens the secrets in the database. Put back a copy of it,"
        " or remove all of .local/ to start anew."
    )
    assert path.read_text() == text


def test_keys_that_cannot_be_written_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file in its place")

    with pytest.raises(SystemExit, match="Give this user access to it, or set PORTAL_SECRET_KEY"):
        load_or_make_keys(tmp_path)


def test_two_at_once_end_up_with_the_same_keys(root: Path) -> None:
    program = "from pathlib import Path; from portal.local.find import *; print(load_or_make_keys(Path({!r})))"
    command = [sys.executable, "-c", program.format(str(root))]
    here = Path(__file__).resolve().parent.parent.parent

    runs = [subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, env={**os.environ}) for _ in range(3)]

    assert len({run.communicate()[0] for run in runs}) == 1
