"""Any container to any container: what is watched is what was published, frame by frame."""

import concurrent.futures
import dataclasses

import pytest

import client
import compare
import media
import mpegts
import sources

# The frames of a fragment come all at once; nobody may be skipped forward for that.
QUERY = "?wait=20&slow=catch_up"
SPEED = 4


@dataclasses.dataclass
class Cell:
    """One pair of containers: a publisher's, and one of its viewers'."""
    source: sources.Source
    container: str
    output: str
    clip: media.Clip
    viewer: client.Viewer

    @property
    def name(self):
        return f"{self.source.name}: {self.container} → {self.output}"

    @property
    def misses_video(self):
        return self.output == "ts" and bool(self.source.missing_in_ts)

    def judge(self, published, publisher, folder):
        """What is wrong with it, as text; empty if nothing is."""
        try:
            response = publisher.wait()
            if response.status != 200:
                return f"the publisher was answered {response.status}"
            self.viewer.wait_end()
        except AssertionError as error:
            return str(error)
        response = self.viewer.response
        if response.status != 200:
            return f"the viewer was answered {response.status}"
        if not self.viewer.complete:
            return "the response was cut off"
        missing = response.headers.get("x-spancast-missing", "")
        if missing != (self.source.missing_in_ts if self.misses_video else ""):
            return f"X-Spancast-Missing: {missing}"
        path = folder / f"{self.container}.{self.output}"
        path.write_bytes(self.viewer.body)
        kinds = ("audio",) if self.misses_video else ("video", "audio")
        exact = self.output == self.clip.path.suffix[1:]
        return compare.difference(published, compare.read(path), exact=exact, kinds=kinds)


def run(relay, clips, source, folder):
    """Publishes all clips at once, each to two viewers; yields each cell with its result."""
    cells = {}
    for container in clips:
        cells[container] = [
            Cell(source, container, output, clips[container],
                 relay.watch(f"/live/{container}.{output}{QUERY}")) for output in sources.OUTPUTS]
    publishers = {
        container: relay.publish(f"/live/{container}{clip.path.suffix}", clip, speed=SPEED)
        for container, clip in clips.items()}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        readings = {container: pool.submit(compare.read, clip.path)
                    for container, clip in clips.items()}
        for reading in readings.values():
            assert reading.result().message == "", "ffmpeg complains of what is published"
        results = [(cell, pool.submit(cell.judge, readings[container].result(),
                                      publishers[container], folder))
                   for container in clips for cell in cells[container]]
        for cell, result in results:
            yield cell, result.result()


def check(results):
    wrong = [f"{cell.name}: {text}" for cell, text in results if text]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("source", sources.SOURCES, ids=lambda source: source.name)
def test_what_is_watched_is_what_was_published(relay, media_sources, matrix, tmp_path, source):
    clips = {container: media_sources.clip(source, container) for container in source.containers}
    results = list(run(relay, clips, source, tmp_path))
    for cell, text in results:
        matrix.note(source, cell.container, cell.output, text)
    check(results)


def test_the_33_bit_clock_wraps_in_the_middle(relay, media_sources, tmp_path):
    source = sources.BY_NAME["h264-aac"]
    clip = media_sources.clip(source, "ts", "-output_ts_offset", "95440")
    dts = [frame.dts for frame in mpegts.timeline(clip.data, "video")]
    assert dts[0] < 1 << 33 < dts[-1], "it does not wrap"
    check(run(relay, {"ts": clip}, source, tmp_path))


@pytest.mark.parametrize("name", ["av1-opus", "vp9-opus"])
def test_a_container_that_can_hold_no_track_is_406(relay, media_sources, name):
    source = dataclasses.replace(sources.BY_NAME[name], name=f"{name}-video", audio=())
    clip = media_sources.clip(source, "frame")
    viewers = {output: relay.watch(f"/live/cam.{output}{QUERY}") for output in sources.OUTPUTS}
    publisher = relay.publish("/live/cam.mp4", clip, speed=SPEED)
    assert publisher.wait().status == 200
    assert viewers["ts"].wait_end().response.status == 406
    assert viewers["ts"].response.headers["x-spancast-missing"] == source.missing_in_ts
    assert viewers["mp4"].wait_end().response.status == 200
    assert viewers["mp4"].complete
