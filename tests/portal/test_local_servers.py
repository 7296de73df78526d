"""The servers of `make run` and of the tests, as real processes in scratch folders."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from portal.local.files import LocalError
from portal.local.find import Urls
from portal.local.processes import same_process
from portal.local.servers import LocalServers

ROOT = Path(__file__).resolve().parent.parent.parent
STARTER = """
import sys
from pathlib import Path
from portal.local.servers import LocalServers
print(LocalServers(Path(sys.argv[1])).start().database_url, flush=True)
sys.stdin.read()
"""


def fetch(urls: Urls, statement: str) -> tuple[object, ...]:
    with psycopg.connect(urls.database_url) as connection:
        row = connection.execute(statement).fetchone()
        assert row
        return row


def write_down(urls: Urls, text: str) -> None:
    with psycopg.connect(urls.database_url) as connection:
        connection.execute("CREATE TABLE note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])
    with Redis.from_url(urls.redis_url, decode_responses=True) as redis:
        redis.set("note", text)


def read_back(urls: Urls) -> tuple[object, object]:
    with Redis.from_url(urls.redis_url, decode_responses=True) as redis:
        return fetch(urls, "SELECT text FROM note")[0], redis.get("note")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose servers were started, written to and stopped. Its path is longer than a socket's may be."""
    folder = tmp_path_factory.mktemp("a folder with blanks " + 5 * "and a long name ")
    with LocalServers(folder) as servers:
        write_down(servers.urls, "kept")
    return folder


def test_stop_ends_the_servers_and_their_notes(kept: Path) -> None:
    servers = LocalServers(kept)
    servers.start()
    entries = json.loads((kept / "processes.json").read_text())

    servers.stop()

    assert len(entries) == 2
    assert [same_process(int(entry["pid"]), entry["created"]) for entry in entries] == [None, None]
    assert not (kept / "processes.json").exists()


def test_restart_keeps_the_data_and_changes_the_passwords(kept: Path) -> None:
    with LocalServers(kept) as first:
        before = first.urls
    with LocalServers(kept) as second:
        assert read_back(second.urls) == ("kept", "kept")
        assert second.urls.database_url.partition("@")[0] != before.database_url.partition("@")[0]
        assert second.urls.redis_url.partition("@")[0] != before.redis_url.partition("@")[0]


def test_database_speaks_utf8_in_the_same_order_everywhere(kept: Path) -> None:
    with LocalServers(kept) as servers:
        row = fetch(
            servers.urls,
            "SELECT datname, pg_encoding_to_char(encoding), datlocale, current_setting('max_locks_per_transaction')"
            " FROM pg_database WHERE datname = current_database()",
        )
    assert row == ("portal", "UTF8", "C.UTF-8", "512")


def test_two_folders_run_side_by_side(kept: Path, tmp_path: Path) -> None:
    with LocalServers(kept) as ours, LocalServers(tmp_path, durable=False) as theirs:
        write_down(theirs.urls, "theirs")

        assert (read_back(ours.urls), read_back(theirs.urls)) == (("kept", "kept"), ("theirs", "theirs"))
    assert list(tmp_path.iterdir()) == []


def test_second_start_in_a_folder_is_refused_and_hurts_nobody(kept: Path) -> None:
    with LocalServers(kept) as first:
        with pytest.raises(LocalError) as refused:
            LocalServers(kept).start()

        assert read_back(first.urls) == ("kept", "kept")
    assert str(refused.value) == (
        f"{kept} is in use: the portal is running there already (process {os.getpid()})."
        " End it first, with Ctrl-C where it runs."
    )


def test_start_after_a_killed_run_has_its_data(kept: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(kept)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        killed_url = run.stdout.readline().strip()
        run.kill()
        run.wait()

    with LocalServers(kept) as servers:
        assert read_back(servers.urls) == ("kept", "kept")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(killed_url)


def test_half_written_folder_simply_works(tmp_path: Path) -> None:
    (tmp_path / "postgres.part" / "global").mkdir(parents=True)  # initdb was interrupted
    (tmp_path / "postgres.part.password").write_text("half")
    (tmp_path / "postgres").mkdir()
    (tmp_path / "processes.json").write_text('[{"pid": 1')

    with LocalServers(tmp_path, redis_url="redis://127.0.0.1:1/0") as servers:
        assert fetch(servers.urls, "SELECT current_database()") == ("portal",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "logs", "postgres"]


def test_process_id_used_again_by_another_program_does_not_hinder(kept: Path) -> None:
    (kept / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{kept}/postgres\n")

    with LocalServers(kept) as servers:
        assert read_back(servers.urls) == ("kept", "kept")


def test_damaged_database_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")

    with pytest.raises(LocalError) as refused:
        LocalServers(tmp_path).start()

    assert str(refused.value) == (
        f"{tmp_path}/postgres is not a complete database (global/pg_control is missing)."
        " Put back a copy, or move it away; the next start creates a new one."
    )
    assert [path.name for path in (tmp_path / "postgres").iterdir()] == ["PG_VERSION"]


def test_damaged_queue_shows_its_last_words_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "valkey" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(LocalError) as refused:
        LocalServers(tmp_path, database_url="postgresql://portal@127.0.0.1:1/portal").start()

    first, *_, last = str(refused.value).splitlines()
    assert first == f"Valkey does not start. The end of its log ({tmp_path}/logs/valkey.log):"
    assert last == f"If its data are damaged, remove {tmp_path}/valkey. Queue and cache then start empty."


def test_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("")

    with pytest.raises(LocalError, match=f"^Cannot use {tmp_path}/local: File exists.$"):
        LocalServers(tmp_path / "local").start()


def test_given_addresses_start_nothing(tmp_path: Path) -> None:
    given = Urls("postgresql://portal@db.example/portal", "redis://broker.example/0")

    with LocalServers(tmp_path, database_url=given.database_url, redis_url=given.redis_url) as servers:
        assert (servers.urls, servers.postgres, servers.valkey) == (given, None, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_root_runs_the_database_as_another_user_even_where_only_root_may_enter(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "local"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)

    with LocalServers(folder, durable=False, redis_url="redis://127.0.0.1:1/0") as servers:
        assert fetch(servers.urls, "SELECT 1") == (1,)
        assert [data.stat().st_uid == 0 for data in folder.glob("*/postgres")] == [False]
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
