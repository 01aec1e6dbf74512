"""What streams took in and gave out per day: counted to the byte, kept over the relay's end."""

import csv
import datetime
import io
import signal
import time

import client
import recordings
import wire_client
import wire_media

TARGET = "/live/cam.ts"
SUMS = ("bytes_in", "bytes_out", "viewer_ms")


def usage(relay, query=""):
    response = relay.admin(f"/api/v1/usage{query}")
    assert response.status == 200, response.body
    return response.json()


def rows(relay, query=""):
    return [(row["day"], row["stream"], *(int(row[name]) for name in SUMS))
            for row in usage(relay, query)["usage"]]


def csv_rows(relay, query="?format=csv"):
    response = relay.admin(f"/api/v1/usage{query}")
    assert response.headers["content-type"].startswith("text/csv")
    found = list(csv.DictReader(io.StringIO(response.body.decode(), newline="")))
    return [(row["day"], row["stream"], *(int(row[name]) for name in SUMS)) for row in found]


def sums(relay, stream="live/cam"):
    """Of all days: a test may run over midnight."""
    total = dict.fromkeys(SUMS, 0)
    for _, name, *values in rows(relay):
        if name == stream:
            for sum_name, value in zip(SUMS, values):
                total[sum_name] += value
    return total


def wait_sums(relay, condition, **arguments):
    def met():
        found = sums(relay, **arguments)
        return found if condition(found) else None
    return client.until(met, what="the sums")


def watch_to_the_end(relay, clip, viewers=2, speed=5):
    """Viewers over HTTP/1.0, whose bodies are all that they are sent; and for how long, at most."""
    watching = [relay.watch(f"{TARGET}?wait=20", version="1.0") for _ in range(viewers)]
    relay.wait_waiting(viewers)
    began = time.monotonic()
    relay.publish(TARGET, clip, speed=speed).wait()
    for one in watching:
        one.wait_end()
    took = time.monotonic() - began
    client.until(lambda: relay.metric("spancast_viewers") == 0, what="no viewer")
    return sum(len(one.body) for one in watching), viewers * took * 1000


def with_state(folder, **more):
    return {"state": {"path": str(folder)}, **more}


def kill(relay):
    relay.expected_exit = -signal.SIGKILL
    relay.signal(signal.SIGKILL)
    relay.wait_exit()


def test_bytes_are_those_that_were_sent_and_received(start, media):
    relay = start({"workers": 2})
    clip = media.plain
    received, milliseconds = watch_to_the_end(relay, clip)
    found = sums(relay)
    assert found["bytes_in"] == len(clip.data)
    assert found["bytes_out"] == received > len(clip.data)
    assert milliseconds / 3 < found["viewer_ms"] <= milliseconds + 1000
    # The grace of the stream, in which viewers stay, is a part of it.
    assert 2 * clip.seconds * 1000 / 5 * 0.8 < found["viewer_ms"]


def test_sums_grow_while_sessions_go_on(start, media):
    relay = start()
    relay.publish(TARGET, media.plain)
    viewer = relay.watch(f"{TARGET}?wait=20").wait_bytes(1000)
    first = wait_sums(relay, lambda found: all(found.values()))
    more = wait_sums(relay, lambda found: all(found[name] > first[name] for name in SUMS))
    assert more["bytes_in"] <= len(media.plain.data)
    assert not viewer.ended


def test_the_wire_is_counted(start, wire_clip):
    relay = start({"publisher": {"grace": "2s"}})
    with wire_client.Player(relay.http_port, "/live/cam", start={"at_utc_us": 0}) as player:
        relay.wait_waiting(1)
        assert rows(relay) == []
        with wire_media.live(relay.http_port, wire_clip, chunks=75) as (camera, filming):
            filming.wait()
            camera.finish()
            camera.wait_end()
            player.wait_end()
            payload = sum(len(one.payload) for one in player.chunks)
    ended = {kind: relay.wait_log(rf"{kind} ended .*bytes=(\d+).* seconds=([\d.]+)")
             for kind in ("publisher", "viewer")}
    found = sums(relay)
    assert found["bytes_in"] == int(ended["publisher"][1]) >= payload
    assert found["bytes_out"] == int(ended["viewer"][1]) >= payload
    assert abs(found["viewer_ms"] - float(ended["viewer"][2]) * 1000) < 10


def test_clips_are_counted(start, media, tmp_path):
    relay = start(recordings.config(tmp_path / "root"))
    recordings.record(relay, media.plain, TARGET, speed=5)
    span, = relay.get("/live/cam/timeline.json").json()["spans"]
    assert sums(relay)["bytes_out"] == 0
    clip = relay.get(recordings.clip_target(span["from"], span["to"]))
    assert clip.status == 200 and clip.body
    found = wait_sums(relay, lambda found: found["bytes_out"] > 0)
    assert (found["bytes_out"], found["viewer_ms"]) == (len(clip.body), 0)


def test_a_restart_loses_nothing_and_goes_on_adding(start, media, tmp_path):
    config = with_state(tmp_path / "state", workers=2)
    relay = start(config)
    received, _ = watch_to_the_end(relay, media.plain)
    before = sums(relay)
    shown = rows(relay)
    relay.stop()
    relay = start(config)
    assert rows(relay) == shown
    more, _ = watch_to_the_end(relay, media.plain)
    found = sums(relay)
    assert found["bytes_in"] == 2 * len(media.plain.data)
    assert found["bytes_out"] == received + more
    assert found["viewer_ms"] > before["viewer_ms"]


def test_what_is_cut_off_by_the_end_is_counted(start, media, tmp_path):
    config = with_state(tmp_path / "state", workers=2)
    relay = start(config)
    publisher = relay.publish(TARGET, media.plain)
    viewer = relay.watch(f"{TARGET}?wait=20", version="1.0").wait_bytes(50_000)
    relay.signal(signal.SIGTERM)
    assert relay.wait_exit()[0] == 0
    viewer.wait_end()
    ended = relay.find_log(r"publisher ended .*?bytes=(\d+)")
    assert 0 < int(ended[1]) <= publisher.sent
    relay = start(config)
    found = sums(relay)
    assert (found["bytes_in"], found["bytes_out"]) == (int(ended[1]), len(viewer.body))
    assert found["viewer_ms"] > 0


def test_a_kill_loses_nothing_that_was_committed_and_doubles_nothing(start, media, tmp_path):
    config = with_state(tmp_path / "state", workers=2)
    relay = start(config)
    publisher = relay.publish(TARGET, media.plain)
    viewer = relay.watch(f"{TARGET}?wait=20", version="1.0")
    shown = wait_sums(relay, lambda found: all(value > 0 for value in found.values()))
    # What is shown reaches a commit: two more of them began behind it.
    commits = relay.metric("spancast_state_commits_total")
    client.until(lambda: relay.metric("spancast_state_commits_total") >= commits + 2,
                 what="two commits")
    kill(relay)
    viewer.wait_end()
    publisher.thread.join(10)
    relay = start(config)
    found = sums(relay)
    for name in SUMS:
        assert found[name] >= shown[name]
    assert found["bytes_in"] <= publisher.sent
    # What was written to the socket may not have been read by the viewer.
    assert found["bytes_out"] <= len(media.plain.data) * 2
    # What is there stays the same over another end of that kind.
    before = rows(relay)
    kill(relay)
    relay = start(config)
    assert rows(relay) == before
    received, _ = watch_to_the_end(relay, media.plain)
    after = sums(relay)
    assert after["bytes_in"] == found["bytes_in"] + len(media.plain.data)
    assert after["bytes_out"] == found["bytes_out"] + received


def test_json_and_csv_say_the_same(start, media):
    relay = start()
    for stream in ("live/a", "live/b"):
        client.request(relay.http_port, "PUT", f"/{stream}.ts", body=media.plain.data)
    told = rows(relay)
    assert [row[1] for row in told] == ["live/a", "live/b"]
    assert csv_rows(relay) == told
    assert csv_rows(relay, "?format=csv&stream=live/b") == rows(relay, "?stream=live%2Fb") == told[1:]
    assert usage(relay)["next"] == ""
    head = client.request(relay.admin_port, "HEAD", "/api/v1/usage?format=csv")
    assert head.status == 200 and head.headers["content-type"].startswith("text/csv")


def test_times_have_any_offset(start, media):
    relay = start()
    client.request(relay.http_port, "PUT", TARGET, body=media.plain.data)
    told = rows(relay)
    day = datetime.date.fromisoformat(told[0][0])
    following = day + datetime.timedelta(days=1)
    # The first moment of the day, told from the east and from the west of it.
    for begin in (f"{day}T00:00:00Z", f"{day}T05:30:00%2B05:30",
                  f"{day - datetime.timedelta(days=1)}T19:00:00-05:00"):
        assert rows(relay, f"?from={begin}") == told
        assert rows(relay, f"?to={begin}") == []
    # The first moment of the next one does not belong to it, and a part of a day is all of it.
    for end in (f"{following}T00:00:00Z", f"{following}T02:00:00%2B02:00"):
        assert rows(relay, f"?to={end}")[:1] == told[:1]
        assert told[0] not in rows(relay, f"?from={end}")
    assert rows(relay, f"?from={day}T23:59:59Z")[:1] == told[:1]
    assert rows(relay, "?from=-48h") == told


def test_what_cannot_be_answered_is_refused_with_a_sentence(relay):
    for query, reason in (("from=yesterday", b"from: a time like"),
                          ("from=2026-11-27T00:00:00Z&to=2026-11-27T01:00:00%2B01:00",
                           b"from is not before to"),
                          ("format=xml", b"format: json or csv"), ("stream=..", b"stream: "),
                          ("to=-1h&to=-2h", b"to is given twice")):
        response = relay.admin(f"/api/v1/usage?{query}")
        assert (response.status, response.body[:len(reason)]) == (400, reason)


def test_usage_is_on_the_admin_address_only(start):
    relay = start({"admin": {"address": "0.0.0.0", "token": "open-sesame"}})
    assert relay.get("/api/v1/usage").status == 404
    assert relay.admin("/api/v1/usage").status == 401
    right = {"Authorization": "Bearer open-sesame"}
    assert relay.admin("/api/v1/usage", headers=right).json() == {"usage": [], "next": ""}
    options = client.request(relay.admin_port, "OPTIONS", "/api/v1/usage", headers=right)
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert client.request(relay.admin_port, "PUT", "/api/v1/usage", headers=right).status == 405


def test_metrics_of_state_are_there_with_a_store_only(start, media, tmp_path):
    relay = start()
    assert b"spancast_state_" not in relay.admin("/metrics").body
    relay = start(with_state(tmp_path / "state"))
    client.request(relay.http_port, "PUT", TARGET, body=media.plain.data)
    client.until(lambda: relay.metric("spancast_state_commits_total") > 0, what="a commit")
    assert relay.metric("spancast_state_in_memory") == 0
    assert relay.metric("spancast_state_records") >= 1
    assert b'spancast_lane_running{lane="state"}' in relay.admin("/metrics").body
