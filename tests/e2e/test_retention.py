"""What is not to be kept of a recording goes, the oldest first."""

import client
import recording_files
import relay as relay_module

STREAM = "/live/cam"


def config(root, keep, paths=None):
    # Whatever the disk of the tests has left.
    keep = {"free_bytes": 0, **keep}
    return relay_module.merged(
        {"recording": {"enabled": True, "root": str(root), "segment": "1s", "keep": keep}},
        {"paths": paths} if paths else {})


def test_what_is_older_than_it_is_to_be_kept_goes(start, media, tmp_path):
    root = tmp_path / "root"
    relay = start(config(root, {"age": "1s"}, {"kept": {"recording": {"keep": {"age": "1h"}}}}))
    publishers = [relay.publish(f"/{path}.ts", media.plain, speed=4)
                  for path in ("live/cam", "kept")]
    for publisher in publishers:
        publisher.wait()
    client.until(lambda: len(recording_files.files(root, "kept")) > 2
                 and not (root / "live").exists(), what="the files to go")


def test_a_stream_has_no_more_than_its_bytes(start, media, tmp_path):
    root = tmp_path / "root"
    limit = media.plain.path.stat().st_size // 2
    relay = start(config(root, {"bytes": limit}))
    relay.publish(f"{STREAM}.ts", media.plain, speed=4).wait()
    first = recording_files.files(root)[0]

    def is_within():
        files = recording_files.files(root)
        return files and sum(path.stat().st_size for path in files) <= limit
    client.until(is_within, what="no more than the limit")
    assert first not in recording_files.files(root)


def test_while_too_little_is_free_the_oldest_go(start, media, tmp_path):
    root = tmp_path / "root"
    rules = {"kept": {"recording": {"keep": {"free_bytes": 0}}}}
    relay = start(config(root, {"free_bytes": "1048576GiB"}, rules))
    publishers = [relay.publish(f"/{path}.ts", media.plain, speed=4)
                  for path in ("live/cam", "kept")]
    for publisher in publishers:
        publisher.wait()
    client.until(lambda: not recording_files.files(root) and recording_files.files(root, "kept"),
                 what="room to be made")
