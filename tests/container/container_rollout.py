"""A new version goes over two nodes behind HAProxy, one after the other, and back: nobody notices."""

import contextlib
import json
import time

import client
import edge_cases
import edge_clients
import edge_crowd
import edges
import tls_tunnel
import wire_media
from container_run import CONFIG, podman

LABEL = "org.opencontainers.image.version"
ASKED = (".ts?wait=10", ".mp4?wait=10")  # of every stream


def write_config(folder):
    """deploy/container/behind-proxy.yaml, with the proxy where it is here."""
    text = (edges.DEPLOY / "container/behind-proxy.yaml").read_text()
    assert text.count("172.30.80.2") == 1
    path = folder / "behind-proxy.yaml"
    path.write_text(text.replace("172.30.80.2", "127.0.0.1"))
    path.chmod(0o644)
    return path


def label_of(image):
    return json.loads(podman("image", "inspect", image).stdout)[0]["Labels"][LABEL]


class Rollout(edge_cases.Site):
    """Two relays in containers, each with a volume of its own, and HAProxy before them."""

    def __init__(self, context):
        self.config = write_config(context.folder)
        self.volumes = [context.volume(), context.volume()]
        self.longest = 0.0  # from SIGTERM to the end, of all nodes that were replaced
        super().__init__(context.relay, context.folder, edges.HAProxy)

    def start_node(self, number, target="relay"):
        return self.start(f"--volume={self.volumes[number]}:/var/lib/spancast",
                          f"--volume={self.config}:{CONFIG}:ro", target=target,
                          http_port=self.ports[number],
                          environment={"SPANCAST_CLUSTER_SECRET": edge_cases.SECRET})

    @staticmethod
    def is_running(node):
        return node.is_running()

    def wait_up(self):
        client.until(lambda: self.edge.is_up(1) and self.edge.is_up(2), what="both nodes up")

    def replace(self, number, target):
        """As deploy/README.md says: stop it, start the other version, wait for /readyz."""
        node = self.nodes[number]
        before = node.usage()
        node.signal("TERM")
        code, seconds = node.wait_exit()
        assert code == 0, "\n".join(node.log())
        self.longest = max(self.longest, seconds)
        self.nodes[number] = self.start_node(number, target)
        now = self.nodes[number].usage()
        assert all(now[stream] >= size for stream, size in before.items()), (before, now)
        self.wait_up()

    def check_version(self, label):
        for node in self.nodes:
            assert node.inspect()["Config"]["Labels"][LABEL] == label
            if label != "next":  # the program is another one too
                assert node.execute("spancast", "--version").stdout.split()[-1] == label


class Audience:
    """What edge_cases.audience has, and for every stream viewers that come anew and one that stays."""

    def __init__(self, stack, site, clip):
        self.films, self.players, self.where, first = stack.enter_context(
            edge_cases.audience(site, clip))
        paths = [player.path for player in self.players]
        self.asking = [first] + [
            stack.enter_context(edge_clients.Asking(site.edge, [path + one for one in ASKED],
                                                    pause=0.1)) for path in paths]
        self.staying = [stack.enter_context(
            edge_crowd.Returning(site.edge.http_port, path + ASKED[0])) for path in paths]

    def check_goes_on(self):
        """From now on, everywhere."""
        now = time.monotonic()
        for one in self.asking:
            one.wait_ok_since(now, one.targets, client.TIMEOUT)
        for one in self.staying:
            one.wait_more()
        edge_cases.check_all_go_on(self.films, self.players, time.time())

    def failed(self):
        return [failure for one in [*self.asking, *self.staying] for failure in one.failed()]

    def describe(self):
        answers = [answer for one in self.asking for answer in one.answers]
        frames = sum(len(player.chunks) for player in self.players)
        ended = sum(len(one.answers) - 1 for one in self.staying)
        return (f"{len(answers)} requests, the slowest answered after "
                f"{max(one[3] for one in answers):.2f} s; {ended} responses ended whole for viewers "
                f"that stay; {frames} frames of {len(self.players)} streams over the wire; "
                f"failed: {self.failed()}")


def roll(site, audience, target, label):
    for number in range(2):
        site.replace(number, target)
        audience.check_goes_on()
        assert not audience.failed(), audience.describe()
    site.check_version(label)


def test_a_new_version_is_rolled_out_and_back(context):
    this, following = label_of(context.images["relay"]), label_of(context.images["next"])
    clip = wire_media.Clip(context.media.in_container("plain", "mp4"))
    with contextlib.ExitStack() as stack:
        site = Rollout(context)
        stack.enter_context(site.edge)
        site.tunnel = stack.enter_context(
            tls_tunnel.TlsTunnel(site.edge.https_port, site.edge.certificate))
        site.wait_up()
        audience = Audience(stack, site, clip)
        try:
            roll(site, audience, "next", following)
            roll(site, audience, "relay", this)
        finally:
            print(f"{audience.describe()}; a node left within {site.longest:.1f} s")
        if following != "next":
            kept = [one for node in site.nodes for one in node.state() if "unknown_bytes" in one]
            assert kept, "nothing of what only the next version knows is left"
