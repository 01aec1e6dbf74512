"""A relay that records, and what is asked of its recordings over HTTP."""

import datetime
import re
import signal

import client
import relay as relay_module

GAP = re.compile(r"(\S+)/(\S+); reason=(\w+)")


def config(root, more=None, **recording):
    """`recording`: what is set besides; segments of a second, soon durable."""
    return relay_module.merged(
        {"recording": {"enabled": True, "root": str(root), "segment": "1s",
                       "fsync_interval": "100ms", **recording}}, more or {})


def utc(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def iso(time):
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def later(text, seconds):
    """A time of the relay's, so many seconds later."""
    return iso(utc(text) + datetime.timedelta(seconds=seconds))


def seconds_between(one, other):
    return (utc(other) - utc(one)).total_seconds()


def wait_recorded(relay, path="live/cam"):
    """Until the stream has ended and all of it can be read; returns its timeline."""
    client.until(lambda: path not in relay.streams(), what="the end of the stream")

    def closed():
        found = relay.get(f"/{path}/timeline.json")
        spans = found.status == 200 and found.json()["spans"]
        return found.json() if spans and not any(span["open"] for span in spans) else None
    return client.until(closed, what="the whole recording")


def record(relay, clip, target="/live/cam.ts", speed=4):
    """Publishes a clip; returns the timeline when it is on disk. Times are as if it had been live: at
    a higher speed than 1 they are ahead of the clock, and so is what comes next."""
    assert relay.publish(target, clip, speed=speed).wait().status == 200
    return wait_recorded(relay, target[1:].rsplit(".", 1)[0])


def clip_target(start, end=None, path="live/cam"):
    return f"/{path}/clip.mp4?from={start}" + (f"&to={end}" if end else "")


def gaps_of(response):
    """[(from, to, reason)] of the header."""
    return GAP.findall(response.headers.get("x-spancast-gap", "").replace(",", " "))


def end(relay):
    """Properly: everything is on disk."""
    relay.signal(signal.SIGTERM)
    code, _ = relay.wait_exit()
    assert code == 0
