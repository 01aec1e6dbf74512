"""That the disk which test_recording_faults.py has fails as it is told, and loses what it should."""

import errno
import os
import random
import subprocess
import sys

import pytest

import disk_faults

PROLOGUE = """
import os, sqlite3, sys
def write(name, data, at=0, sync=False):
    file = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    done = os.pwritev(file, [data[:3], data[3:]], at)
    sync and os.fdatasync(file)
    os.close(file)
    return done
def sync_folder(name):
    file = os.open(name, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def run(faults, script, folder, timeout=30):
    # Without the runtime of a sanitizer, which Python was not built for.
    environment = {**os.environ, **faults.environment, "LD_PRELOAD": str(disk_faults.LIBRARY)}
    done = subprocess.run([sys.executable, "-c", PROLOGUE + script], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


def test_what_was_synced_survives_and_nothing_else(root, tmp_path):
    write_first = root / "old"
    write_first.mkdir()
    (write_first / "before").write_bytes(b"was there")
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, journal=True)
    run(faults, """
write("old/before", b"is changed")
write("synced", b"durable", sync=True)
write("synced", b" and more", at=7)
write("empty", b"never synced")
sync_folder(".")
write("no_name", b"durable", sync=True)
os.mkdir("new")
write("new/lost", b"durable", sync=True)
sync_folder("new")
""", root)
    left = faults.survivors(tmp_path / "left")
    assert content(left) == {"old/before": b"was there", "synced": b"durable", "empty": b""}


def test_names_survive_as_their_folder_was_synced(root, tmp_path):
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, journal=True)
    run(faults, """
os.makedirs("a/b")
for one in (".", "a"):
    sync_folder(one)
for name in ("one", "two", "three"):
    write("a/b/" + name, name.encode(), sync=True)
sync_folder("a/b")
os.rename("a/b/one", "a/b/four")
os.unlink("a/b/two")
write("a/b/two", b"another one with that name", sync=True)
""", root)
    left = faults.survivors(tmp_path / "left")
    assert content(left) == {f"a/b/{name}": name.encode() for name in ("one", "two", "three")}


def test_a_torn_disk_keeps_what_was_synced(root, tmp_path):
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, journal=True)
    run(faults, """
write("file", b"d" * 10000, sync=True)
sync_folder(".")
write("file", b"l" * 30000, at=10000)
write("other", b"o" * 10000)
""", root)
    sizes, others = set(), set()
    for seed in range(30):
        left = content(faults.survivors(tmp_path / f"left{seed}", torn=random.Random(seed)))
        assert left["file"][:10000] == b"d" * 10000
        sizes.add(len(left["file"]))
        others.add("other" in left)
    assert min(sizes) == 10000 and max(sizes) == 40000 and len(sizes) > 5
    assert others == {True, False}


def test_sqlite_survives_as_it_says(root, tmp_path):
    """WAL with synchronous FULL: each transaction is durable when it is over."""
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, journal=True)
    run(faults, """
base = sqlite3.connect("base", isolation_level=None)
base.execute("PRAGMA journal_mode=WAL")
base.execute("PRAGMA synchronous=FULL")
base.execute("CREATE TABLE numbers (number)")
for number in range(20):
    base.execute("INSERT INTO numbers VALUES (?)", (number,))
base.execute("PRAGMA synchronous=OFF")
base.execute("INSERT INTO numbers VALUES (20)")
os._exit(0)
""", root)
    count = "import sqlite3; print(sqlite3.connect('base').execute(" \
            "'SELECT count(*), max(number) FROM numbers').fetchone())"
    for seed in (None, 1, 2, 3):
        left = faults.survivors(tmp_path / f"left{seed}",
                                torn=seed and random.Random(seed))
        done = subprocess.run([sys.executable, "-c", count], cwd=left, capture_output=True,
                              text=True, check=True)
        assert done.stdout.strip() in (["(20, 19)"] if seed is None else ["(20, 19)", "(21, 20)"])


@pytest.mark.parametrize("kind, call", [
    ("write", "write('there', b'other')"), ("change", "write('new', b'other')"),
    ("change", "os.mkdir('folder')"), ("change", "os.unlink('there')"),
    ("sync", "write('there', b'other', sync=True)"), ("read", "os.pread(os.open('there', 0), 9, 0)")])
def test_a_failing_disk(root, tmp_path, kind, call):
    (root / "there").write_bytes(b"something")
    faults = disk_faults.DiskFaults(tmp_path / "faults", root)
    faults.fail(errno.EROFS, kind)
    said = run(faults, f"""
try:
    {call}
except OSError as error:
    print(error.errno)
open("{tmp_path}/elsewhere", "w").write("goes on")
""", root)
    assert said == [str(errno.EROFS)]
    assert getattr(faults, f"{kind}_failed") == 1


def test_short_writes_and_counts(root, tmp_path):
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, short_permille=500, seed=7)
    said = run(faults, """
for number in range(100):
    print(write("file", b"x" * 100, at=100 * number))
""", root)
    sizes = list(map(int, said))
    assert 20 < sum(size < 100 for size in sizes) < 80 and min(sizes) > 0
    assert (faults.write_count, faults.write_bytes) == (100, sum(sizes))


def test_a_disk_that_stands_still(root, tmp_path):
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, write_stall=1, only_segments=1)
    with subprocess.Popen(
            [sys.executable, "-c", PROLOGUE + "write('other', b'1234'); write('a.mp4', b'1234')"],
            cwd=root, env={**os.environ, **faults.environment,
                           "LD_PRELOAD": str(disk_faults.LIBRARY)}) as writer:
        faults.stand_still("write")
        assert (root / "other").read_bytes() == b"1234"
        assert (root / "a.mp4").read_bytes() == b"" and writer.poll() is None
        faults.go_on()
        assert writer.wait(20) == 0
    assert (root / "a.mp4").read_bytes() == b"1234" and faults.standing == 0
