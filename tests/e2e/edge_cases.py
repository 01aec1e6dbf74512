"""What every edge of deploy/ must do; test_haproxy.py and test_nginx.py run it."""

import contextlib
import http.server
import signal
import threading
import time

import client
import edge_clients
import edges
import mpegts
import tls_tunnel
import tools
import wire_client
import wire_media

DEADLINE = 20  # seconds, of a drain
SECRET = "the-same-on-both-nodes"  # tokens of one count at the other
# As in the images, but for the length of the delay; a stream's end is not waited for.
NODE = {"publisher": {"grace": "3s", "idle": "2s"}, "stream": {"tail": "30s"},
        "drain": {"delay": "2s", "spread": "500ms", "deadline": f"{DEADLINE}s"},
        "cluster": {"secret": SECRET}, "log": {"level": "info"}}
STREAMS, STREAMS_MAX = 6, 20


class Site:
    """Two relays and an edge before them."""

    def __init__(self, start, folder, kind):
        self.start = start
        self.ports = edges.free_ports(2)
        self.nodes = [self.start_node(0), self.start_node(1)]
        self.edge = kind(folder / "edge", self.ports)

    def start_node(self, number):
        return self.start({**NODE, "http": {"address": "127.0.0.1", "port": self.ports[number]}})

    @staticmethod
    def is_running(node):
        return node.process.poll() is None

    def node_of(self, path, timeout=client.TIMEOUT):
        """The number of the node on which the stream is live; waits for it."""
        def found():
            for number, node in enumerate(self.nodes):
                if self.is_running(node):
                    stream = node.streams().get(path.lstrip("/"))
                    if stream and "publisher" in stream:
                        return number + 1
            return None
        return client.until(found, timeout, f"{path} on a node") - 1


@contextlib.contextmanager
def site(start, folder, kind):
    one = Site(start, folder, kind)
    with one.edge, tls_tunnel.TlsTunnel(one.edge.https_port, one.edge.certificate) as tunnel:
        one.tunnel = tunnel
        yield one


# One stream, all its addresses.

class Stub(http.server.BaseHTTPRequestHandler):
    """A node that is ready and says who it is, whatever it is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = str(self.server.server_port).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class StubServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a check of HAProxy ends with a reset


@contextlib.contextmanager
def stubs(count):
    servers = [StubServer(("127.0.0.1", 0), Stub) for _ in range(count)]
    for one in servers:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    try:
        yield servers
    finally:
        for one in servers:
            one.shutdown()
            one.server_close()


ADDRESSES = ("{}.ts", "{}.mp4", "{}", "{}.ts?at=-30s", "{}/clip.mp4?from=-1m", "{}/timeline.json",
             "{}/index.m3u8", "{}/hls/1/2.m4s", "{}/snapshot.jpg", "{}/embed")


def check_hash(folder, kind):
    """All addresses of a stream lead to one node, and half of the streams to each."""
    with stubs(2) as servers:
        ports = [one.server_port for one in servers]
        with kind(folder / "edge", ports) as edge:
            def node(target):
                answer = client.request(edge.http_port, "GET", target)
                assert answer.status == 200, target
                return int(answer.body)
            client.until(lambda: client.request(edge.http_port, "GET", "/a.ts").status == 200,
                         what="nodes that are ready")
            names = [f"/live/cam{number}" for number in range(60)]
            names += ["/door", "/a/b/c/d/e/f/g/h", "/live/cam.v2", "/live/clip.x"]
            where = {name: node(name + ".ts") for name in names}
            for name in names:
                found = {address: node(address.format(name)) for address in ADDRESSES}
                assert set(found.values()) == {where[name]}, f"{name}: {found}"
            assert node("/live/%63am1.ts") == where["/live/cam1"]
            share = [list(where.values()).count(port) for port in ports]
            print(f"streams by node: {share}")
            assert min(share) > len(names) / 5
            servers[1].shutdown()
            servers[1].server_close()
            stay = [name for name in names if where[name] == ports[0]]
            client.until(lambda: all(
                client.request(edge.http_port, "GET", name + ".ts").status == 200
                for name in names), 10, "all streams on the node that is left")
            assert all(node(name + ".ts") == ports[0] for name in stay)


# Bytes.

def check_bytes(site, media):
    """Published and watched over TLS and HTTP/2: the same bytes, and each of them at once."""
    clip, edge = media.plain, site.edge
    pieces = edge_clients.frames(clip)
    with (edge_clients.CurlViewer(edge, "/live/cam.ts?wait=20") as early,
          edge_clients.CurlPublisher(edge, "/live/cam.ts") as publisher):
        client.until(lambda: sum(node.metric("spancast_viewers_waiting")
                                 for node in site.nodes) == 1, what="a viewer that waits")
        sent = 0
        for piece in pieces[:40]:
            publisher.send(piece)
            sent += len(piece)
            time.sleep(0.02)
        paused = time.monotonic()
        # Nothing more is sent now: what was sent is all here, and no buffer waits to be full.
        early.wait_bytes(sent - mpegts.first_pat(clip.data), 1)
        print(f"the last of {sent} bytes after {time.monotonic() - paused:.3f} s")
        with edge_clients.CurlViewer(edge, "/live/cam.ts") as late:
            late.wait_bytes(1, 1)
            print(f"first bytes of a new viewer {late.times[0][0] - late.started:.3f} s "
                  "after curl was started")
            assert late.status_line.startswith("HTTP/2 200")
        for piece in pieces[40:]:
            publisher.send(piece)
        assert publisher.finish() == "200 2"
        early.wait_bytes(len(clip.watched_from_start))
        assert early.wait_end() == 0
        assert early.status_line.startswith("HTTP/2 200")
        assert bytes(early.body) == clip.watched_from_start


def check_http_1(site, media):
    """The same over HTTP/1.1 without TLS, as most encoders and players do it."""
    with (client.Connection(site.edge.http_port) as early,
          client.Connection(site.edge.http_port) as publisher):
        early.send_head("GET", "/live/cam.ts?wait=20")
        client.until(lambda: sum(node.metric("spancast_viewers_waiting")
                                 for node in site.nodes) == 1, what="a viewer that waits")
        publisher.send_head("PUT", "/live/cam.ts", {"Transfer-Encoding": "chunked"})
        publisher.send_chunk(media.plain.data)
        publisher.send_chunk(b"")
        assert publisher.read_response("PUT").status == 200
        assert early.read_response().body == media.plain.watched_from_start


def check_ffmpeg(site, media, folder):
    """ffmpeg in by TLS, and the other container out."""
    target = "/live/film.ts"
    with tools.ffmpeg_publish(media.plain.path, site.edge.url(target)) as publisher:
        site.node_of("/live/film")
        path = folder / "watched.mp4"
        tools.run("ffmpeg", "-v", "error", "-nostdin", "-i", site.edge.url("/live/film.mp4"),
                  "-t", "1", "-c", "copy", path)
        publisher.result()
    frames, message = tools.decode(path)
    assert message == "" and frames > 20


def check_wire(site, wire_clip):
    """A wire camera and a wire player through TLS: every frame, and the same bytes."""
    with wire_media.live(site.tunnel.port, wire_clip, chunks=400) as (camera, filming):
        with wire_client.Player(site.tunnel.port, "/live/cam") as player:
            player.wait_chunks(1)
            filming.wait()
            camera.wait_acknowledged()
            player.wait_position(camera.next - 1)
            player.check_once(player.chunks[0].sequence, camera.next)
            filming.check_payload(player.chunks)
            camera.finish()
            assert player.wait_end().reason == "ENDED"
            assert camera.connections == player.connections == 1


# A node goes.

@contextlib.contextmanager
def audience(site, wire_clip):
    """Every stream has a wire camera, a wire player through TLS, and new HTTP viewers all the time."""
    films, players, where, targets = [], [], [], []
    with contextlib.ExitStack() as stack:
        # nginx hashes the ports of the nodes: at worst one has all of the first streams.
        while len(where) < STREAMS or (len(set(where)) == 1 and len(where) < STREAMS_MAX):
            path = f"/live/cam{len(where)}"
            films.append(stack.enter_context(
                wire_media.live(site.tunnel.port, wire_clip, path, speed=1.0)))
            players.append(stack.enter_context(wire_client.Player(site.tunnel.port, path)))
            where.append(site.node_of(path))
            targets.append(f"{path}.ts?wait=10")
        print(f"streams by node: {where.count(0)} and {where.count(1)}")
        for one in players:
            one.wait_chunks(20)
        asking = stack.enter_context(edge_clients.Asking(site.edge, targets))
        asking.wait_ok_since(time.monotonic(), targets, client.TIMEOUT)
        yield films, players, where, asking


def next_filmed(filming, since):
    """The number of the first chunk that is filmed after that time; waits for it."""
    def found():
        return next((number + 1 for number, utc in list(filming.utcs.items())
                     if utc > since * 1e6), None)
    return client.until(found, what="a chunk that is filmed") - 1


def check_all_go_on(films, players, since):
    """Players have what was filmed since then, each frame once; no camera lost one."""
    for (camera, filming), player in zip(films, players):
        player.wait_position(next_filmed(filming, since))
        player.check_once(player.chunks[0].sequence, player.chunks[-1].sequence + 1)
        filming.check_payload(player.chunks)
        assert camera.dropped == 0


def check_drain(site, wire_clip):
    """SIGTERM to one of two nodes under load: no request fails, no frame is lost."""
    with audience(site, wire_clip) as (films, players, where, asking):
        leaving = where[0]
        node = site.nodes[leaving]
        node.signal(signal.SIGTERM)
        code, seconds = node.wait_exit(30)
        left = time.monotonic()
        asking.wait_ok_since(left, asking.targets, client.TIMEOUT)
        check_all_go_on(films, players, time.time())
        for target in asking.targets:
            assert site.node_of(target.split(".")[0]) != leaving
    slowest = max(one[3] for one in asking.answers)
    print(f"the node had left after {seconds:.2f} s; {len(asking.answers)} requests, the slowest "
          f"answered after {slowest:.2f} s, failed: {asking.failed()}")
    assert code == 0 and not asking.failed()


def kill_and_check(site, films, players, where, asking):
    """SIGKILL to one of two nodes: what it had is back on the other one within 5 s. Which it was."""
    leaving = where[0]
    killed = [number for number, node in enumerate(where) if node == leaving]
    node = site.nodes[leaving]
    node.expected_exit = -signal.SIGKILL
    node.signal(signal.SIGKILL)
    node.wait_exit()
    moment, utc = time.monotonic(), time.time()
    asking.wait_ok_since(moment, [asking.targets[number] for number in killed], 5)
    for number in killed:
        wanted = next_filmed(films[number][1], utc)
        players[number].wait_position(wanted, max(0.1, moment + 5 - time.monotonic()))
    print(f"{len(killed)} streams are back after {time.monotonic() - moment:.2f} s")
    check_all_go_on(films, players, time.time())
    others = [target for number, target in enumerate(asking.targets) if number not in killed]
    assert not [one for one in asking.failed() if one[1] in others]
    return leaving
