"""The wire beside HTTP: what was published over one is watched over the other, frame by frame."""

import pytest

import compare
import mp4
import tools
import wire_client
import wire_media

STREAM = "/live/cam"
OLDEST = {"at_utc_us": 0}
PARAMETERS = {7, 8, 9}  # of H.264, and the delimiter of access units: containers differ in them


def on(workers, *values):
    """A parameter set: a relay with so many workers, and what else."""
    marks = pytest.mark.threads if workers > 1 else ()
    return pytest.param({"workers": workers, "publisher": {"grace": "20s"}}, *values, marks=marks,
                        id="-".join([f"{workers} worker", *values]))


@pytest.fixture
def relay(start, request):
    return start(request.param)


def pictures(frames):
    """What is coded of each frame."""
    return [[unit for unit in wire_media.units(frame) if unit[0] & 31 not in PARAMETERS]
            for frame in frames]


def frames_of(clip, kind):
    movie = mp4.Movie(clip.data)
    return [movie.data[one.offset:one.offset + one.size] for one in movie.of(kind).samples]


class Watched:
    """What a wire player got, by track."""

    def __init__(self, player):
        (tracks,) = player.tracks
        self.tracks = {track.codec.decode(): number for number, track in enumerate(tracks.tracks)}
        self.details = {track.codec.decode(): track for track in tracks.tracks}
        self.samples = [[] for _ in tracks.tracks]
        for one in player.chunks:
            at = 0
            for sample in one.chunk.samples:
                self.samples[sample.track].append((sample, one.payload[at:at + sample.size]))
                at += sample.size

    def frames(self, codec):
        return [payload for _, payload in self.samples[self.tracks[codec]]]

    def times(self, codec):
        """Seconds of presentation since the first."""
        scale = self.details[codec].timescale
        times = [compare.Fraction(sample.dts + sample.pts_offset, scale)
                 for sample, _ in self.samples[self.tracks[codec]]]
        return times

    def decoded(self, folder):
        """Checksums of the pictures, as ffmpeg decodes them."""
        path = folder / "watched.h264"
        path.write_bytes(b"".join(b"\0\0\0\1" + unit for frame in self.frames("h264")
                                  for unit in wire_media.units(frame)))
        out, message = tools.run("ffmpeg", "-v", "warning", "-nostdin", "-i", path, "-fps_mode",
                                 "passthrough", "-f", "framemd5", "-")
        assert message == "", message
        return [line.split(",")[-1].strip() for line in out.decode().splitlines()
                if not line.startswith("#")]


@pytest.mark.parametrize("relay, name", [
    on(1, "reordered"), on(2, "reordered")], indirect=["relay"])
def test_what_the_wire_publishes_is_watched_over_http(relay, media, tmp_path, name):
    source = media.in_container(name, "mp4")
    clip = wire_media.Clip(source)
    viewers = {output: relay.watch(f"{STREAM}.{output}?wait=20&slow=catch_up")
               for output in ("ts", "mp4")}
    relay.wait_waiting(2)
    with wire_media.live(relay.http_port, clip, speed=8, chunks=clip.frames) as (camera, filming):
        filming.wait()
        camera.finish()
        camera.wait_end()
    published = compare.read(source.path)
    for output, viewer in viewers.items():
        viewer.wait_end()
        assert viewer.complete
        path = tmp_path / f"watched.{output}"
        path.write_bytes(viewer.body)
        out, message = tools.run("ffprobe", "-v", "warning", "-count_packets", "-of", "csv=p=0",
                                 "-show_entries", "stream=codec_name,nb_read_packets", path)
        assert message == "", message
        counts = {f"h264,{len(published.video)}", f"aac,{len(published.audio)}"}
        assert counts == {",".join(line.split(",")[:2]) for line in out.decode().split()}
        found = compare.difference(published, compare.read(path), exact=output == "mp4")
        assert found == "", f".{output}: {found}"


@pytest.mark.parametrize("relay, name, published", [
    on(1, "plain", "ts"), on(1, "reordered", "mp4"), on(2, "reordered", "ts"),
    on(2, "plain", "mp4")],
    indirect=["relay"])
def test_what_http_publishes_is_watched_over_the_wire(relay, media, tmp_path, name, published):
    clip, source = media.in_container(name, published), media.in_container(name, "mp4")
    with wire_client.Player(relay.http_port, STREAM, start=OLDEST) as player:
        relay.wait_waiting(1)
        assert relay.publish(f"{STREAM}.{published}", clip, speed=8).wait().status == 200
        before = compare.read(clip.path)
        player.wait(lambda: sum(len(one.chunk.samples) for one in player.chunks)
                    >= len(before.video) + len(before.audio), "all samples")
    assert player.gaps == [] and player.repeats == player.checksum_errors == 0
    watched = Watched(player)
    assert pictures(watched.frames("h264")) == pictures(frames_of(source, "video"))
    assert watched.frames("aac") == frames_of(source, "audio")
    assert watched.decoded(tmp_path) == [frame.digest for frame in before.video]
    for codec, frames in (("h264", before.video), ("aac", before.audio)):
        times = sorted(watched.times(codec))
        tolerance = compare.tolerance(before, "video" if codec == "h264" else "audio", False)
        for time, frame in zip(times, frames):
            moved = (time - times[0]) - (frame.time - frames[0].time)
            assert abs(moved) <= tolerance, f"{codec} moved by {float(moved)} s"
    video = watched.details["h264"]
    assert (video.width, video.height) == (320, 180) and len(video.config) > 8
    assert watched.details["aac"].sample_rate == 48000 and watched.details["aac"].channels == 2
    # A decoder can begin wherever a chunk says so.
    for one in player.chunks:
        sizes = [sample.size for sample in one.chunk.samples]
        if one.chunk.sync and one.chunk.samples[0].track == watched.tracks["h264"]:
            kinds = {unit[0] & 31 for unit in wire_media.units(one.payload[:sizes[0]])}
            assert {5, 7, 8} <= kinds


@pytest.mark.parametrize("relay", [on(1), on(2)], indirect=True)
def test_players_of_all_kinds_watch_one_stream(relay, wire_clip):
    viewers = [relay.watch(f"{STREAM}.{output}?wait=20&slow=catch_up") for output in ("ts", "mp4")]
    players = [wire_client.Player(relay.http_port, STREAM, start=OLDEST).start() for _ in range(3)]
    relay.wait_waiting(5)
    with wire_media.live(relay.http_port, wire_clip, chunks=75) as (camera, filming):
        for times in range(1, 4):
            players[0].wait_chunks(20 * times)
            camera.cut()
        for one in players:
            one.wait_chunks(75)
        camera.finish()
        camera.wait_end()
    for viewer in viewers:
        viewer.wait_end()
        assert viewer.complete
    assert len(mp4.Movie(viewers[1].body).of("video").samples) == 75
    for one in players:
        one.check_once(0, 75)
        one.close()


@pytest.mark.parametrize("relay", [on(1), on(2)], indirect=True)
def test_a_wire_camera_goes_on_after_http(relay, media, wire_clip):
    """Players of the wire get a Gap of its reason; those of HTTP stay connected."""
    viewer = relay.watch(STREAM + ".ts?wait=20&slow=catch_up")
    with wire_client.Player(relay.http_port, STREAM, start=OLDEST) as player:
        relay.wait_waiting(2)
        relay.publish(STREAM + ".ts", media.plain, speed=8).wait()
        with wire_media.live(relay.http_port, wire_clip, chunks=50) as (camera, _):
            camera.wait_acknowledged(50)
            player.wait_position(49)
            player.wait(lambda: player.chunks[-1].position == (camera.epoch, 49), "the last")
        (gap,) = player.gaps
        assert gap.reason == "PUBLISHER" and gap.end == (camera.epoch, 0)
    assert not viewer.ended
