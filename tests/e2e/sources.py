"""What the matrix publishes: sources, and the containers a publisher may put them in.

Each source is encoded once per session; each container of it is a copy of that, made by ffmpeg.
"""

import dataclasses
import threading

import field_pairs
import media
import tools


@dataclasses.dataclass(frozen=True)
class Container:
    """A form in which a publisher sends; `extension` is that of the path it publishes to."""
    title: str
    extension: str
    arguments: tuple


def fragmented(title, flags, *arguments):
    return Container(title, "mp4", (
        "-f", "mp4", "-movflags", f"{flags}empty_moov+default_base_moof", *arguments))


CONTAINERS = {
    "ts": Container("TS", "ts", ("-f", "mpegts")),
    "keyframe": fragmented("fMP4 per keyframe", "frag_keyframe+"),
    "frame": fragmented("fMP4 per frame", "frag_every_frame+"),
    "4s": fragmented("fMP4 of 4 s", "", "-frag_duration", "4000000"),
}
OUTPUTS = ("ts", "mp4")
FMP4_ONLY = ("keyframe", "frame", "4s")


def x264(frames=25, *arguments):
    return ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", str(frames),
            "-sc_threshold", "0", "-b:v", "300k", *arguments)


def x265(more=""):
    return ("-c:v", "libx265", "-preset", "ultrafast", "-b:v", "300k", "-x265-params",
            f"log-level=error:keyint=25:min-keyint=25:scenecut=0:bframes=2{more}")


AAC = ("-c:a", "aac", "-b:a", "64k", "-ac", "2")
MP3 = ("-c:a", "libmp3lame", "-b:a", "64k")
OPUS = ("-c:a", "libopus", "-b:a", "64k")

# Frames come every 33 ms or, in every other second, every 200 ms, and none quite when it should.
VARIABLE = ("-vf", "settb=1/90000,setpts=N*3000+mod(N*7\\,11)*90,"
            "select=lt(mod(t\\,2)\\,1)+not(mod(n\\,6))", "-fps_mode", "vfr",
            "-enc_time_base", "1/90000")


@dataclasses.dataclass(frozen=True)
class Source:
    name: str
    title: str
    video: tuple = ()
    audio: tuple = AAC
    rate: str = "25"
    seconds: int = 5
    size: str = "160x90"
    sound: int = 48000
    containers: tuple = tuple(CONTAINERS)
    missing_in_ts: str = ""   # the track that MPEG-TS cannot hold

    @property
    def arguments(self):
        """Of ffmpeg, to encode it."""
        inputs = media.picture(self.size, self.rate) if self.video else []
        if self.audio:
            inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={self.sound}"]
        return [*inputs, *self.video, *self.audio, "-t", str(self.seconds)]


# Where there are more than 47 frames a second, audio has 96 kHz: ffmpeg's frag_every_frame loses
# the times of a frame that follows one of its own track. In audio that does little.
SOURCES = (
    Source("h264-aac", "H.264 with B-frames + AAC, 25 fps", x264()),
    Source("h265-aac", "H.265 + AAC", x265()),
    Source("h264-mp3", "H.264 + MP3", x264(), MP3),
    Source("av1-opus", "AV1 + Opus", (
        "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-b:v", "200k", "-g", "25"),
        OPUS, containers=FMP4_ONLY, missing_in_ts="video/av1"),
    Source("vp9-opus", "VP9 + Opus", (
        "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "200k",
        "-g", "25"), OPUS, containers=FMP4_ONLY, missing_in_ts="video/vp9"),
    Source("video-only", "video only", x264(), ()),
    Source("audio-only", "audio only", ()),
    Source("30", "30 fps, AAC of 44.1 kHz", x264(30), rate="30", sound=44100),
    Source("59.94", "59.94 fps", x264(60), rate="60000/1001", sound=96000),
    Source("variable", "variable rate, 5 to 30 fps", x264(25, *VARIABLE), rate="30", seconds=6),
    Source("long-group", "10-second groups", x264(250), seconds=12),
    Source("open-gop", "open GOP with CRA (H.265)", x265(":open-gop=1:bframes=3:b-adapt=0")),
    Source("interlaced", "interlaced frames (MBAFF)", x264(
        25, "-vf", "tinterlace=interleave_top", "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
        rate="50", size="160x96"),
    Source("fields-h264", "interlaced field pairs (PAFF)", field_pairs.ENCODER, rate="50",
           size="160x48", sound=96000),
    Source("fields-h265", "interlaced field pairs (H.265)", x265(":interlace=tff"), rate="50",
           size="160x64", sound=96000),
)
BY_NAME = {source.name: source for source in SOURCES}


class Sources:
    """Clips by source and container; each is made when it is first asked for, by any thread."""

    def __init__(self, folder):
        self.folder = folder
        self.made = {}
        self.lock = threading.Lock()

    def once(self, key, make):
        with self.lock:
            lock, _ = self.made.setdefault(key, (threading.Lock(), []))
        with lock:
            result = self.made[key][1]
            if not result:
                result.append(make(self.folder / ".".join(key)))
        return result[0]

    def encoded(self, source):
        """The source in NUT, which keeps every time as it is."""
        def make(path):
            tools.run("ffmpeg", "-v", "error", "-nostdin", "-y", *source.arguments, "-f", "nut",
                      path)
            if source.video is field_pairs.ENCODER:
                field_pairs.convert(path)
            return path
        return self.once((source.name, "nut"), make)

    def clip(self, source, container, *arguments):
        """`arguments`: more of them for the muxer; they belong to the clip's name."""
        form = CONTAINERS[container]

        def make(path):
            tools.run("ffmpeg", "-v", "fatal", "-nostdin", "-y", "-i", self.encoded(source),
                      "-map", "0", "-c", "copy", *form.arguments, *arguments, path)
            return media.Clip(path, source.seconds)
        return self.once((source.name, container, *map(str, arguments), form.extension), make)
