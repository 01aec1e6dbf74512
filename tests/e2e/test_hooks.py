"""Programs that the relay runs when something happens."""

import concurrent.futures
import json
import pathlib
import signal

import pytest

import children
import client
import wire_media

pytestmark = pytest.mark.usefixtures("no_children_left")

EVENTS = ["on_publish", "on_unpublish", "on_first_viewer", "on_last_viewer", "on_slow_viewer"]
# Both halves of what it is told; the name appears when all of it is there.
RECORD = ('cat > "$1/json.$$" && env | grep ^SPANCAST_ > "$1/env.$$" && '
          'mv "$1/json.$$" "$1/$SPANCAST_EVENT.$$"')
# Until a file is there.
BLOCK = 'until [ -e "$1/go" ]; do sleep 0.05; done'


class Recorder:
    """What hooks were told."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def hook(self, script=RECORD):
        return children.shell(script, self.folder)

    def all(self):
        return {name: self.hook() for name in EVENTS}

    def seen(self, event):
        found = []
        for path in sorted(self.folder.glob(f"{event}.*")):
            told = json.loads(path.read_text())
            lines = (self.folder / f"env{path.suffix}").read_text().splitlines()
            told["env"] = dict(line.removeprefix("SPANCAST_").split("=", 1) for line in lines)
            found.append(told)
        return found

    def wait(self, event, count=1):
        client.until(lambda: len(self.seen(event)) >= count, what=f"{count} times {event}")
        found = self.seen(event)
        assert len(found) == count, found
        return found[-1]


@pytest.fixture
def recorder(tmp_path):
    folder = tmp_path / "told"
    folder.mkdir()
    return Recorder(folder)


def check(told, event, **expected):
    assert told["event"] == told["env"]["EVENT"] == event
    assert told["stream"] == told["env"]["STREAM"] == "live/cam"
    assert told["time"] == told["env"]["TIME"] and told["time"].endswith("Z")
    for name, value in expected.items():
        assert told[name] == value and told["env"][name.upper()] == value
    assert "VIEWER_MAX_LAG" not in told["env"]


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 2])
def test_every_event_has_its_hook(start, media, recorder, workers):
    relay = start({"hooks": recorder.all(), "workers": workers}, {"SPANCAST_VIEWER_MAX_LAG": "3s"})
    viewers = [relay.watch("/live/cam.ts?wait=20") for _ in range(4)]
    publisher = relay.publish("/live/cam.ts", media.plain, speed=2)
    told = recorder.wait("on_publish")
    check(told, "on_publish", protocol="http")
    assert told["peer"].startswith("127.0.0.1:") and "REASON" not in told["env"]
    for viewer in viewers:
        viewer.wait_bytes(30_000)
    check(recorder.wait("on_first_viewer"), "on_first_viewer")
    for viewer in viewers:
        viewer.close()
    check(recorder.wait("on_last_viewer"), "on_last_viewer")
    assert publisher.wait().status == 200
    told = recorder.wait("on_unpublish")
    check(told, "on_unpublish", protocol="http", reason="finished")
    assert int(told["bytes"]) == len(media.plain.data) and told["seconds"] > 1
    assert recorder.seen("on_slow_viewer") == []
    for event in ("on_publish", "on_unpublish", "on_first_viewer", "on_last_viewer"):
        client.until(lambda name=event: relay.metric(
            "spancast_hooks_total", event=name, result="good") == 1, what=f"the end of {event}")
    relay.wait_log("hook ended hook=on_publish stream=live/cam program=sh .*result=good "
                   'exit="exit code 0"')


@pytest.mark.parametrize("slow, reason", [("skip", "skip"), ("disconnect", "slow")])
def test_a_slow_viewer_is_told_once(start, media, recorder, slow, reason):
    relay = start({"hooks": {"on_slow_viewer": recorder.hook()},
                   "viewer": {"slow": slow, "max_lag": "500ms", "unsent": "64KiB"}})
    viewer = relay.watch("/live/cam.ts?wait=20", receive_buffer=8192, rate=500_000)
    publisher = relay.publish("/live/cam.ts", media.heavy)
    told = recorder.wait("on_slow_viewer")
    check(told, "on_slow_viewer", protocol="http", reason=reason)
    assert int(told["bytes"]) > 0
    publisher.wait()
    viewer.rate = None
    viewer.wait_end()
    assert len(recorder.seen("on_slow_viewer")) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hook_refuses_a_publisher(start, media, recorder, workers):
    refuse = 'echo "not you, $SPANCAST_STREAM" >&2; echo and more; exit 1'
    relay = start({"hooks": {"on_publish": recorder.hook(refuse)}, "workers": workers,
                   "paths": {"open/*": {"hooks": {"on_publish": ["true"]}}}})
    answer = client.request(relay.http_port, "PUT", "/live/cam.ts", body=media.plain.data[:18800])
    assert answer.status == 403 and answer.body == b"not you, live/cam\n"
    assert relay.streams() == {}
    relay.wait_log('hook ended hook=on_publish .*result=failed exit="exit code 1" '
                   'detail="not you, live/cam"')
    assert relay.metric("spancast_hooks_total", event="on_publish", result="failed") == 1
    # Another path, another hook.
    viewer = relay.watch("/open/cam.ts?wait=20")
    assert relay.publish("/open/cam.ts", media.plain, speed=4).wait().status == 200
    viewer.wait_end()
    assert bytes(viewer.body) == media.plain.watched_from_start


def test_a_hook_refuses_a_publisher_over_the_wire(start, wire_clip, recorder):
    relay = start({"hooks": {"on_publish": recorder.hook("echo no; exit 3")}})
    with wire_media.live(relay.http_port, wire_clip) as (camera, _):
        bye = camera.wait_bye()
        assert bye.reason == "NOT_ALLOWED" and bye.detail == "no"
    assert relay.streams() == {}


def test_a_publisher_over_the_wire_goes_on_behind_its_hook(start, wire_clip, recorder):
    relay = start({"hooks": {"on_publish": recorder.hook(RECORD + "; " + BLOCK)}})
    with wire_media.live(relay.http_port, wire_clip) as (camera, filming):
        told = recorder.wait("on_publish")
        assert told["protocol"] == "wire"
        assert relay.streams() == {} and camera.acknowledged == 0
        (recorder.folder / "go").touch()
        camera.wait(lambda: camera.acknowledged > 20, "acknowledged chunks")
        filming.stop()
        camera.wait_acknowledged()


def test_a_program_that_is_not_there_refuses(start):
    relay = start({"hooks": {"on_publish": ["no-such-program"]}})
    answer = client.request(relay.http_port, "PUT", "/live/cam.ts", body=b"x")
    assert answer.status == 403
    assert answer.body == b"no-such-program: No such file or directory\n"


def test_a_hook_that_hangs_is_ended_and_refuses(start, media):
    relay = start({"hooks": {"on_publish": children.shell("trap '' TERM; sleep 1000; sleep 1000"),
                             "timeout": "200ms"}})
    watch = children.Watch(relay)
    publisher = relay.publish("/live/cam.ts", media.plain, speed=20)
    assert relay.get("/healthz").status == 200
    answer = publisher.wait()
    assert answer.status == 403 and answer.body == b"it took longer than hooks.timeout\n"
    assert relay.metric("spancast_hooks_total", event="on_publish", result="timeout") == 1
    relay.wait_log('hook ended hook=on_publish .*result=timeout exit="signal SIGKILL"')
    watch.check_clean()


def test_a_thousand_hooks_leave_nothing(start):
    relay = start({"hooks": {"on_publish": ["false"], "concurrent": 8}, "log": {"level": "info"}})
    watch = children.Watch(relay)

    def publish(_):
        answer = client.request(relay.http_port, "PUT", "/live/cam.ts", body=b"x")
        assert answer.status == 403 and answer.body == b"exit code 1\n"

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(publish, range(1000)))
    watch.check_clean()
    assert relay.metric("spancast_hooks_total", event="on_publish", result="failed") == 1000
    assert relay.metric("spancast_hooks_running") == relay.metric("spancast_hooks_waiting") == 0


def test_nothing_of_a_body_is_read_before_the_answer(start, media, recorder):
    relay = start({"hooks": {"on_publish": recorder.hook(BLOCK)}})
    viewer = relay.watch("/live/cam.ts?wait=20")
    publisher = relay.publish("/live/cam.ts", media.plain, speed=20)
    client.until(lambda: relay.metric("spancast_hooks_running") == 1, what="a hook that runs")
    assert relay.metric("spancast_bytes_in_total") == 0 and relay.streams() == {}
    (recorder.folder / "go").touch()
    assert publisher.wait().status == 200
    viewer.wait_end()
    assert bytes(viewer.body) == media.plain.watched_from_start


def test_more_hooks_than_allowed_wait_and_then_are_dropped(start, recorder):
    concurrent, waiting, beyond = 2, 256, 3
    relay = start({"hooks": {"on_publish": recorder.hook(BLOCK + "; exit 1"),
                             "concurrent": concurrent, "timeout": "10m"}})
    watch = children.Watch(relay)

    def put():
        connection = relay.connect()
        connection.send_head("PUT", "/live/cam.ts", {"Content-Length": "10",
                                                     "Connection": "close"})
        return connection

    first = [put() for _ in range(concurrent + waiting)]
    client.until(lambda: relay.metric("spancast_hooks_waiting") == waiting,
                 what="a full queue of hooks")
    assert relay.metric("spancast_hooks_running") == concurrent == len(watch.pids())
    for _ in range(beyond):
        answer = put().read_response()
        assert answer.status == 503 and answer.headers["retry-after"] == "5"
        assert answer.body == b"too many hooks wait\n"
    assert relay.metric("spancast_hooks_total", event="on_publish", result="dropped") == beyond
    (recorder.folder / "go").touch()
    assert [one.read_response().status for one in first] == [403] * len(first)
    watch.wait_none()


def test_what_happens_at_the_end_is_told(start, media, recorder):
    relay = start({"hooks": recorder.all(), "workers": 2})
    viewer = relay.watch("/live/cam.ts?wait=20")
    relay.publish("/live/cam.ts", media.long_plain)
    viewer.wait_bytes(30_000)
    recorder.wait("on_first_viewer")
    relay.signal(signal.SIGTERM)
    code, _ = relay.wait_exit()
    assert code == 0
    assert recorder.seen("on_unpublish")[0]["reason"] == "drain"
    assert len(recorder.seen("on_last_viewer")) == 1


def test_a_hook_that_hangs_does_not_hold_up_the_end(start, media):
    relay = start({"hooks": {"on_unpublish": children.shell("trap '' TERM; echo $$; sleep 1000"),
                             "timeout": "10m"}, "drain": {"deadline": "3s"}})
    watch = children.Watch(relay)
    assert relay.publish("/live/cam.ts", media.plain, speed=20).wait().status == 200
    client.until(watch.pids, what="a hook that runs")
    pids = watch.pids()
    relay.signal(signal.SIGTERM)
    code, _ = relay.wait_exit()  # soon, and not after ten minutes
    assert code == 0
    children.wait_gone(pids)
