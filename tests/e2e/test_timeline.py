"""The timeline of a recording: what is there, and why the rest is not."""

import signal

import pytest

import client
import recordings

STREAM = "/live/cam"


def timeline(relay, query=""):
    response = relay.get(f"{STREAM}/timeline.json{query}")
    assert response.status == 200, response.body
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    return response.json()


def test_a_timeline_has_what_is_recorded_and_the_gaps(start, media, tmp_path):
    root = tmp_path / "root"
    clip = media.plain
    relay = start(recordings.config(root))
    recordings.record(relay, clip, f"{STREAM}.ts", speed=1)
    recordings.record(relay, clip, f"{STREAM}.ts", speed=1)
    told = timeline(relay)
    assert told["stream"] == "live/cam" and told["next"] == ""
    one, other = told["spans"]
    gap, = told["gaps"]
    for span in (one, other):
        assert 4.5 < recordings.seconds_between(span["from"], span["to"]) < 5.5
        assert not span["open"]
    assert (gap["from"], gap["to"], gap["reason"]) == (one["to"], other["from"], "publisher")
    assert abs(gap["seconds"] - recordings.seconds_between(gap["from"], gap["to"])) < 0.002
    # A part of it.
    begin, end = recordings.later(one["from"], 2), recordings.later(other["from"], 1)
    part = timeline(relay, f"?from={begin}&to={end}")
    assert [recordings.utc(span["from"]) for span in part["spans"]] == [
        recordings.utc(begin), recordings.utc(other["from"])]
    assert recordings.seconds_between(part["spans"][1]["to"], end) < 0.002
    assert part["gaps"] == [gap]
    # Killed and started again: another gap, with its reason and its length.
    publisher = relay.publish(f"{STREAM}.ts", clip)
    relay.wait_stream("live/cam", lambda stream: int(stream.get("recording", {})
                                                     .get("segments", 0)) >= 2)
    relay.expected_exit = -signal.SIGKILL
    relay.signal(signal.SIGKILL)
    relay.wait_exit()
    publisher.close()
    relay = start(recordings.config(root))
    recordings.record(relay, clip, f"{STREAM}.ts", speed=1)
    told = timeline(relay)
    assert [gap["reason"] for gap in told["gaps"]] == ["publisher", "publisher", "restart"]
    assert len(told["spans"]) == 4
    for gap, before, behind in zip(told["gaps"], told["spans"], told["spans"][1:]):
        assert (gap["from"], gap["to"]) == (before["to"], behind["from"])


def test_what_is_being_recorded_is_open(start, media, tmp_path):
    relay = start(recordings.config(tmp_path / "root"))
    publisher = relay.publish(f"{STREAM}.ts", media.long_plain)

    def grows():
        response = relay.get(f"{STREAM}/timeline.json")
        spans = response.status == 200 and response.json()["spans"]
        return spans and recordings.seconds_between(spans[0]["from"], spans[0]["to"]) > 2 and spans
    span, = client.until(grows, what="two seconds")
    assert span["open"]
    later, = client.until(
        lambda: [found for found in timeline(relay)["spans"] if found["to"] > span["to"]],
        what="more of it")
    assert later["from"] == span["from"]
    assert timeline(relay, "?to=-1s")["spans"][0]["from"] == span["from"]
    publisher.close()


def test_every_wrong_request_for_a_timeline_has_its_status(start, media, tmp_path):
    rules = {"paths": {"raw/**": {"recording": {"enabled": False}}}}
    relay = start(recordings.config(tmp_path / "root", rules))
    for target, status, words in [
            (f"{STREAM}/timeline.json", 404, "nothing of live/cam is recorded yet"),
            ("/raw/cam/timeline.json", 404, "raw/cam is not recorded"),
            (f"{STREAM}/timeline.json?from=today", 400, "from"),
            (f"{STREAM}/timeline.json?from=-10s&to=-20s", 400, "from is not before to"),
            (f"{STREAM}/timeline.json?to=1", 400, "to")]:
        response = relay.get(target)
        assert response.status == status, (target, response.body)
        assert words in response.body.decode() and response.body.count(b"\n") == 1
    assert start().get(f"{STREAM}/timeline.json").status == 404
    told = recordings.record(relay, media.plain)
    behind = recordings.later(told["spans"][0]["to"], 0.01)
    assert timeline(relay, f"?from={behind}")["spans"] == []
