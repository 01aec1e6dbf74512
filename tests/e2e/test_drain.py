"""The end of the process: nobody is cut off, nobody waits, and it does end."""

import itertools
import re
import signal
import time

import pytest

import client
import crowd as crowd_module
import faults as faults_module
import mpegts

STREAMS = 10


@pytest.fixture
def crowd():
    with crowd_module.Crowd() as one:
        yield one


def pieces(clip):
    """Pieces of a clip that end with a frame, so that what is sent is what can be watched."""
    starts = [offset for offset, _ in mpegts.units(clip.data, mpegts.video_pid(clip.data))]
    cuts = [0, *starts[1:], len(clip.data)]
    return [clip.data[begin:end] for begin, end in itertools.pairwise(cuts)]


class Live:
    """A clip on many streams, a frame each at every step, watched by many."""

    def __init__(self, relay, crowd, clip, viewers):
        self.relay, self.crowd, self.clip = relay, crowd, clip
        self.pieces = pieces(clip)
        self.sent = 0
        targets = [f"/live/{number}.ts" for number in range(STREAMS)]
        self.publishers = [crowd.publish(relay.http_port, target) for target in targets]
        while self.sent < 30:
            self.step()
        crowd.until(lambda: not any(one.unsent for one in self.publishers), "first second")
        relay.wait_stream(f"live/{STREAMS - 1}")
        self.viewers = [crowd.get(relay.http_port, targets[number % STREAMS])
                        for number in range(viewers)]
        crowd.until(lambda: all(one.received for one in self.viewers), "viewers")

    def step(self):
        """The next frame on every stream."""
        if self.sent < len(self.pieces):
            for publisher in self.publishers:
                self.crowd.send(publisher, self.pieces[self.sent])
            self.sent += 1


def check_answered(member, status):
    assert member.end == "fin", member.end or "no end"
    assert member.status == status
    head, body = member.split()
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length and len(body) == int(length[1])
    return head, body


@pytest.mark.threads
@pytest.mark.parametrize("workers,spread", [(1, "0s"), (2, "3s")])
def test_viewers_and_publishers_end_as_http_says(start, crowd, media, workers, spread):
    relay = start({"workers": workers, "drain": {"spread": spread, "deadline": "60s"}})
    live = Live(relay, crowd, media.plain, 500)
    began = time.monotonic()
    relay.signal(signal.SIGTERM)
    crowd.until(lambda: all(one.end for one in crowd.members), "end of everything", live.step, 60)
    assert relay.wait_exit()[0] == 0
    for viewer in live.viewers:
        crowd_module.check_viewer(viewer, media.plain.data)
    for publisher in live.publishers:
        head, body = check_answered(publisher, 503)
        assert b"\r\nRetry-After: " in head and b"\r\nConnection: close" in head
        assert b"shutting down" in body
    times = [viewer.ended_at - began for viewer in live.viewers]
    batches = {viewer.batch for viewer in live.viewers}
    print(f"500 viewers ended {min(times):.2f} to {max(times):.2f} s after the signal, in "
          f"{len(batches)} polls, by tenths {crowd_module.histogram(times)}; "
          f"{live.sent} of {len(live.pieces)} frames sent")
    if spread != "0s":
        assert len(batches) > 10, "all at once"
        assert live.sent > 40, "nothing was published during the drain"
    # Nothing of a publisher is taken any more that nobody can watch.
    told = next(number for number, line in enumerate(relay.log) if "viewers told" in line)
    ended = [number for number, line in enumerate(relay.log) if "publisher ended" in line]
    assert len(ended) == STREAMS and min(ended) > told
    check_ended_normally(relay)


def check_ended_normally(relay):
    """By way of every destructor: ~Worker asserts that uv_loop_close() returned 0."""
    assert relay.find_log(r"stopped seconds=")
    assert not relay.find_log(r"cutting off|stopped at once")


class Queue:
    """Clients of all kinds that have connected and asked while nobody accepts."""

    def __init__(self, relay, crowd):
        port = relay.http_port
        self.served = [crowd.get(port, target) for target in ("/healthz", "/api/v1/streams")
                       for _ in range(40)]
        self.served += [crowd.get(relay.admin_port, "/metrics") for _ in range(10)]
        self.ready = [crowd.get(port, "/readyz") for _ in range(40)]
        self.refused = [crowd.get(port, "/live/cam.ts?wait=10") for _ in range(40)]
        self.refused += [crowd.publish(port, f"/live/{number}.ts") for number in range(40)]
        self.silent = [crowd.connect(port, b"") for _ in range(10)]
        crowd.until(lambda: not any(one.unsent for one in crowd.members), "requests")


def queued_at_close(relay):
    return sum(int(found[1]) for line in relay.log
               if (found := re.search(r"listeners closed .*queued=(\d+)", line)))


def test_whoever_is_queued_is_answered(start, crowd, tmp_path):
    faults = faults_module.Faults(tmp_path)
    relay = start(environment=faults.environment)
    faults.stall_worker = 1
    client.until(lambda: faults.worker_stalls > 0, what="a worker that stands still")
    queue = Queue(relay, crowd)
    relay.signal(signal.SIGTERM)
    relay.wait_log("draining")
    faults.stall_worker = 0
    crowd.until(lambda: all(one.end for one in crowd.members), "end of everything")
    for member in queue.served:
        assert b"\r\nConnection: close" in check_answered(member, 200)[0]
    for member in queue.ready + queue.refused:
        head, body = check_answered(member, 503)
        assert b"shutting down" in body and b"\r\nConnection: close" in head
    assert all(one.end == "fin" and not one.received for one in queue.silent)
    assert relay.wait_exit()[0] == 0
    print(f"{queued_at_close(relay)} of {len(crowd.members)} were queued to the end")
    assert queued_at_close(relay) > 0
    check_ended_normally(relay)


@pytest.mark.threads
def test_whoever_is_queued_at_a_stopped_process_is_answered(start, crowd):
    """As above, but some may be served before the signal is seen."""
    relay = start({"workers": 2})
    relay.signal(signal.SIGSTOP)
    queue = Queue(relay, crowd)
    relay.signal(signal.SIGTERM)
    relay.signal(signal.SIGCONT)
    crowd.until(lambda: all(one.end for one in crowd.members), "end of everything")
    for member in queue.served:
        check_answered(member, 200)
    for member in queue.ready:
        assert member.status in (200, 503)
        check_answered(member, member.status)
    for member in queue.refused:
        check_answered(member, 503)
    assert relay.wait_exit()[0] == 0
    print(f"{queued_at_close(relay)} of {len(crowd.members)} were queued to the end")
    check_ended_normally(relay)


def test_a_request_under_way_is_answered(start):
    relay = start()
    with relay.connect() as kept, relay.connect() as half:
        assert kept.request("GET", "/healthz").status == 200
        half.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        assert relay.get("/healthz").status == 200  # so that both were read
        relay.signal(signal.SIGTERM)
        relay.wait_log("listeners closed")
        kept.send_head("GET", "/healthz")
        half.socket.sendall(b" h\r\n\r\n")
        for one in (kept, half):
            answer = one.read_response()
            assert answer.status == 200 and answer.headers["connection"] == "close"
            assert one.reader.read() == b""


def test_everything_goes_on_for_the_delay(start, media):
    relay = start({"drain": {"delay": "6s", "deadline": "30s"}})
    publisher = relay.publish("/live/cam.ts", media.plain)
    viewer = relay.watch("/live/cam.ts?wait=20").wait_bytes(1000)
    kept = relay.connect()
    assert kept.request("GET", "/readyz").status == 200
    relay.signal(signal.SIGTERM)
    relay.wait_log("draining signal=SIGTERM delay=6.000")
    answer = client.until(lambda: (now := relay.get("/readyz")).status == 503 and now,
                          what="/readyz that says no")
    assert b"shutting down" in answer.body
    last = kept.request("GET", "/readyz")
    assert last.status == 503 and last.headers["connection"] == "close"
    assert kept.reader.read() == b""
    assert relay.get("/healthz").status == 200
    assert relay.metric("spancast_draining") == 1
    # Who comes now is served as ever, and told to come alone.
    late = relay.watch("/live/cam.ts")
    assert late.wait_head().headers["connection"] == "close"
    response = client.request(relay.http_port, "PUT", "/live/new.ts", body=media.plain.data)
    assert response.status == 200
    assert publisher.wait().status == 200
    assert not relay.find_log("listeners closed"), "the test took longer than the delay"
    for one in (viewer, late):
        assert one.wait_end().complete
    assert bytes(viewer.body) == media.plain.watched_from_start
    assert relay.wait_exit()[0] == 0
    check_ended_normally(relay)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(start, media, second):
    relay = start({"drain": {"delay": "2m", "deadline": "10m"}})
    relay.publish("/live/cam.ts", media.plain)
    relay.watch("/live/cam.ts?wait=20").wait_bytes(1000)
    relay.signal(signal.SIGTERM)
    relay.wait_log("draining")
    relay.signal(second)
    assert relay.wait_exit()[0] == 0
    assert relay.find_log(f"stopped at once signal={second.name}")


def test_the_deadline_is_kept_with_a_stalled_pool_thread(start, tmp_path):
    faults = faults_module.Faults(tmp_path, stall_pool=1)
    relay = start({"drain": {"deadline": "3s"}}, faults.environment)
    assert relay.get("/healthz").status == 200
    client.until(lambda: faults.pool_stalls == 1, what="a stalled pool thread")
    relay.signal(signal.SIGTERM)
    code, seconds = relay.wait_exit()
    print(f"ended after {seconds:.2f} s")
    assert code == 0
    # Everything else was done in time; what was left was to join that thread.
    assert relay.find_log(r"stopped seconds=")
    assert relay.find_log(r"stopped at once detail=\"drain.deadline has passed\"")


def test_the_deadline_is_kept_with_a_worker_that_stands_still(start, media, tmp_path):
    faults = faults_module.Faults(tmp_path)
    relay = start({"workers": 2, "drain": {"deadline": "3s"}}, faults.environment)
    relay.publish("/live/cam.ts", media.plain)
    for _ in range(8):
        relay.watch("/live/cam.ts?wait=20").wait_bytes(1000)
    faults.stall_worker = 2
    client.until(lambda: faults.worker_stalls > 0, what="a worker that stands still")
    relay.signal(signal.SIGTERM)
    assert relay.wait_exit()[0] == 0
    assert relay.find_log("cutting off")
    assert relay.find_log(r"stopped at once detail=\"drain.deadline has passed\"")


def test_a_peer_that_takes_nothing_is_cut_off_and_all_is_tidied_up(start, media):
    relay = start({"drain": {"deadline": "8s"}})  # a tenth of it is for tidying up
    relay.publish("/live/cam.ts", media.heavy)
    stalled = relay.watch("/live/cam.ts?wait=10", receive_buffer=4096).wait_bytes(1000)
    stalled.pause()
    relay.wait_stream("live/cam", lambda stream: stream["tail"].get("seconds", 0) > 3)
    relay.signal(signal.SIGTERM)
    assert relay.wait_exit()[0] == 0
    assert relay.find_log("cutting off") and relay.find_log("stopped seconds=")
    assert relay.find_log(r"viewer ended .*reason=drain")
    assert not relay.find_log("stopped at once")
