"""Catalogs of recordings with many segments, made from what a relay has recorded."""

import contextlib
import datetime
import os
import sqlite3

STEP = 4_000_000  # microseconds from one segment to the next


def connect(root):
    return contextlib.closing(sqlite3.connect(root / "catalog.sqlite", timeout=30))


def open_count(root):
    with connect(root) as base:
        return base.execute("SELECT count(*) FROM segments WHERE open = 1").fetchone()[0]


def path_of(root, stream, start):
    moment = datetime.datetime.fromtimestamp(start / 1e6, datetime.timezone.utc)
    second = datetime.datetime.fromtimestamp(start // 1_000_000, datetime.timezone.utc)
    return (root / stream / f"@{moment:%Y-%m-%d}" / f"{moment:%H}" /
            f"{second:%Y%m%dT%H%M%S}.{start % 1_000_000:06}Z.mp4")


def fill(root, count, with_files=False):
    """So many segments in all: closed ones before the first of each stream. With files they are
    links to that one, since nobody looks into them."""
    with connect(root) as base:
        have = base.execute("SELECT count(*) FROM segments").fetchone()[0]
        streams = base.execute("SELECT n.id, n.name, min(s.start) FROM streams n JOIN segments s "
                               "ON s.stream = n.id GROUP BY n.id").fetchall()
        triggers = base.execute("SELECT name, sql FROM sqlite_master "
                                "WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:  # a million times they take their time
            base.execute(f"DROP TRIGGER {name}")
        each = -(-(count - have) // len(streams))
        for number, name, first in streams:
            add(base, number, first, each)
            if with_files:
                link(root, name, first, each)
        base.execute("UPDATE streams SET (segments, bytes) = (SELECT count(*), sum(bytes) "
                     "FROM segments WHERE stream = streams.id)")
        for _, sql in triggers:
            base.execute(sql)
        base.commit()
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def add(base, stream, first, count):
    columns = [row[1] for row in base.execute("PRAGMA table_info(segments)")]
    changed = {"id": "NULL", "epoch": "s.epoch + 1", "sequence": f"({count} - i) * s.chunks",
               "start": f"s.start - (i + 1) * {STEP}", "end": f"s.start - i * {STEP}",
               "gap": "0", "open": "0"}
    values = ", ".join(changed.get(name, f"s.{name}") for name in columns)
    base.execute(
        f"WITH RECURSIVE numbers (i) AS (SELECT {count} - 1 UNION ALL SELECT i - 1 FROM numbers "
        f"WHERE i > 0) INSERT INTO segments SELECT {values} FROM numbers, segments s "
        f"WHERE s.stream = ? AND s.start = ? ORDER BY i DESC", (stream, first))


def link(root, stream, first, count):
    source = path_of(root, stream, first)
    for number in range(count):
        to = path_of(root, stream, first - (number + 1) * STEP)
        to.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, to)


def forget(root):
    """Nothing of the folder is in the kernel's memory any more."""
    for path in root.rglob("*"):
        if path.is_file() and not path.name.endswith("-shm"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
