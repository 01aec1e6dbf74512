"""Many cameras and viewers behind an edge, while its nodes go and come back one after the other."""

import contextlib
import signal
import threading
import time

import client
import edge_cases
import mpegts
import wire_client
import wire_media

# Of the clip's pace: what is tried here is how many they are, not how much they send.
PACE = 0.2
# Of the beginning of a response, to be looked at.
BEGIN_BYTES = 300 * mpegts.PACKET


class Answer:
    """One response: its status, or why there was none; how it begins, and whether it ended whole."""

    def __init__(self, status):
        self.status = status
        self.begin = b""
        self.complete = False

    def __repr__(self):
        return f"{self.status}, {len(self.begin)} bytes, complete: {self.complete}"


class Returning:
    """A viewer over HTTP that asks again as soon as its response is over, in a thread."""

    def __init__(self, port, target):
        self.port, self.target = port, target
        self.answers = []
        self.received = 0  # bytes
        self.connection = None
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        if self.connection:
            self.connection.close()
        self.thread.join(client.TIMEOUT)

    def run(self):
        while not self.stopping:
            try:
                self.watch()
            except (OSError, ValueError, AssertionError) as error:
                if not self.stopping:
                    self.answers.append(Answer(repr(error)))

    def watch(self):
        with client.Connection(self.port) as self.connection:
            self.connection.send_head("GET", self.target)
            answer = Answer(self.connection.read_head().status)
            self.answers.append(answer)
            while chunk := self.connection.read_chunk():
                self.received += len(chunk)
                answer.begin += chunk[:BEGIN_BYTES - len(answer.begin)]
            answer.complete = chunk == b""

    def is_watching(self, number):
        """Whether so many responses have begun."""
        return len(self.answers) >= number and len(self.answers[-1].begin) > 0

    def wait_more(self):
        seen = self.received
        client.until(lambda: self.received > seen, what=f"more of {self.target}: {self.answers}")

    def failed(self):
        """Those without a response, without 200, or cut off before their end."""
        return [one for number, one in enumerate(self.answers, 1)
                if one.status != 200 or (number < len(self.answers) and not one.complete)]

    def check(self):
        """No request has failed, each response begins with a keyframe, and all but the last are whole."""
        assert not self.failed(), self.failed()
        for one in self.answers:
            assert mpegts.first_video_is_key(one.begin), f"{self.target}: {one}"


@contextlib.contextmanager
def crowd(site, clip, *, cameras, viewers):
    """(films, players, over HTTP): half of the viewers each, spread over the streams."""
    paths = [f"/live/cam{number}" for number in range(cameras)]
    with contextlib.ExitStack() as stack:
        films = [stack.enter_context(wire_media.live(site.edge.http_port, clip, path, speed=PACE))
                 for path in paths]
        for path in paths:
            site.node_of(path)
        players, others = [], []
        for number in range(viewers // 2):
            path = paths[number % cameras]
            players.append(stack.enter_context(wire_client.Player(site.edge.http_port, path)))
            others.append(stack.enter_context(
                Returning(site.edge.http_port, f"{path}.ts?wait=20")))
        for player in players:
            player.wait_chunks(2, 60)
        wait_watching(others, 1)
        yield films, players, others


def wait_watching(others, number):
    client.until(lambda: all(one.is_watching(number) for one in others), 60,
                 f"response {number} of everybody")


def film_of(films, player):
    return next(film for film in films if film[0].path == player.path)


def check_round(site, leaving, films, players, others):
    """SIGTERM to this node, which is started again when it has left; what it had is on the other."""
    node = site.nodes[leaving]
    there = {path for path, stream in node.streams().items() if "publisher" in stream}
    before = {one: len(one.answers) for one in others}
    node.signal(signal.SIGTERM)
    code, seconds = node.wait_exit(30)
    assert code == 0 and seconds < edge_cases.DEADLINE, f"{code} after {seconds:.1f} s"
    assert not node.find_log("cutting off|stopped at once")
    left = time.time()
    for one in others:
        path = one.target.split(".")[0].lstrip("/")
        client.until(lambda one=one, path=path: one.is_watching(before[one] + (path in there)), 60,
                     f"a response from the other node: {one.target}, {one.answers[-3:]}")
    for player in players:
        camera, filming = film_of(films, player)
        player.wait_position(edge_cases.next_filmed(filming, left), 60)
        assert camera.dropped == 0
    site.nodes[leaving] = site.start_node(leaving)
    client.until(lambda: site.edge.is_up(leaving + 1), what="the node up again")
    return len(there), seconds


def check_rounds(site, clip, *, rounds, cameras, viewers):
    """SIGTERM of one node, then of the other: no failed request, no frame of the wire lost."""
    with crowd(site, clip, cameras=cameras, viewers=viewers) as (films, players, others):
        for number in range(2 * rounds):
            streams, seconds = check_round(site, number % 2, films, players, others)
            print(f"{streams} of {cameras} streams moved, the node had left after {seconds:.2f} s")
        for camera, filming in films:
            filming.stop()
            camera.wait_acknowledged(timeout=60)
        for player in players:
            camera, filming = film_of(films, player)
            player.wait_position(camera.next - 1, 60)
            player.check_once(player.chunks[0].sequence, camera.next)
            filming.check_payload(player.chunks)
            assert player.gaps == []
    for one in others:
        one.check()
    print(f"{sum(len(one.answers) for one in others)} requests, none failed")
