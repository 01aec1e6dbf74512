"""The media the tests publish, made once per session with ffmpeg."""

import dataclasses
import functools
import pathlib
import subprocess

import mpegts
import tools

PRIVATE_PID = 0x103


@dataclasses.dataclass(frozen=True)
class Clip:
    path: pathlib.Path
    seconds: float

    @functools.cached_property
    def data(self):
        return self.path.read_bytes()

    @functools.cached_property
    def watched_from_start(self):
        """What a viewer gets that was there before the publisher: all from the first PAT on."""
        return self.data[mpegts.first_pat(self.data):]


def encode(folder, name, seconds, *arguments):
    path = folder / f"{name}.ts"
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, "-t", str(seconds),
                    "-f", "mpegts", str(path)], check=True, timeout=120)
    return Clip(path, seconds)


def copy(source, path, *arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(source), "-map", "0",
                    "-c", "copy", *arguments, str(path)], check=True, timeout=60)


def picture(size, rate=25):
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]


def tone(hertz):
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000"]


AAC = ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]


def flashes(size, rate=25):
    """Black; in each second 200 ms of white, and with them a tone."""
    at = "lt(mod(t,1),0.2)"
    return ["-f", "lavfi", "-i", f"color=black:size={size}:rate={rate},"
            f"geq=lum='if(lt(mod(T,1),0.2),235,16)':cb=128:cr=128",
            "-f", "lavfi", "-i", f"aevalsrc='0.5*sin(2*PI*1000*t)*{at}':sample_rate=48000"]


class Media:
    """Clips by name; each is encoded when a test first asks for it."""

    def __init__(self, folder):
        self.folder = folder

    def in_container(self, name, extension):
        """The clip with that name; as .mp4 with a fragment from each keyframe to the next."""
        clip = getattr(self, name)
        if extension == "ts":
            return clip
        path = clip.path.with_suffix(".mp4")
        if not path.exists():
            # By way of a file without fragments: in a stream ffmpeg has to write the moov before
            # it has seen the ADTS header that says what the AudioSpecificConfig is.
            whole = path.with_suffix(".mov")
            copy(clip.path, whole, "-bsf:a", "aac_adtstoasc")
            copy(whole, path, "-f", "mp4", "-movflags", tools.FRAGMENTS)
        return Clip(path, clip.seconds)

    @functools.cached_property
    def plain(self):
        """What a live encoder sends: no B-frames, a keyframe every second."""
        return encode(self.folder, "plain", 5, *picture("320x180"), *tone(440), "-c:v", "libx264",
                      "-preset", "veryfast", "-tune", "zerolatency", "-g", "25", "-b:v", "500k",
                      *AAC)

    @functools.cached_property
    def lasting(self):
        """The same for eight seconds, of which no frame is like another."""
        return encode(self.folder, "lasting", 8, *picture("320x180"), *tone(440), "-c:v", "libx264",
                      "-preset", "veryfast", "-tune", "zerolatency", "-g", "25", "-b:v", "500k",
                      *AAC)

    @functools.cached_property
    def flashing(self):
        return encode(self.folder, "flashing", 10, *flashes("320x180"), "-c:v", "libx264",
                      "-preset", "veryfast", "-tune", "zerolatency", "-g", "25", "-b:v", "500k",
                      *AAC)

    @functools.cached_property
    def rich(self):
        """B-frames, two audio tracks, and a PID with private data among the others."""
        source = self.folder / "private"
        source.write_bytes(bytes(200))
        bare = encode(self.folder, "rich-source", 5, *picture("320x180"), *tone(440), *tone(880),
                      "-f", "data", "-i", str(source), "-map", "0", "-map", "1", "-map", "2",
                      "-map", "3", "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2",
                      "-b:v", "500k", *AAC)
        path = self.folder / "rich.ts"
        path.write_bytes(mpegts.with_private_packets(bare.data, PRIVATE_PID, every=40))
        return Clip(path, 5)

    @functools.cached_property
    def reordered(self):
        """B-frames, and a keyframe every second."""
        return encode(self.folder, "reordered", 5, *picture("320x180"), *tone(440), "-c:v",
                      "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-b:v", "500k",
                      *AAC)

    @functools.cached_property
    def large(self):
        """As `plain`, but for the size of its picture."""
        return encode(self.folder, "large", 3, *picture("640x360"), *tone(440), "-c:v", "libx264",
                      "-preset", "veryfast", "-tune", "zerolatency", "-g", "25", "-b:v", "500k",
                      *AAC)

    @functools.cached_property
    def hevc(self):
        return encode(self.folder, "hevc", 4, *picture("320x180"), *tone(440), "-c:v", "libx265",
                      "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:bframes=0",
                      *AAC)

    @functools.cached_property
    def audio(self):
        return encode(self.folder, "audio", 4, *tone(440), *AAC)

    @functools.cached_property
    def sparse(self):
        """One keyframe in five seconds: who sees a picture at once was given an old one."""
        return encode(self.folder, "sparse", 10, *picture("320x180"), *tone(440), "-c:v", "libx264",
                      "-preset", "veryfast", "-tune", "zerolatency", "-g", "125",
                      "-sc_threshold", "0", "-b:v", "500k", *AAC)

    @functools.cached_property
    def heavy(self):
        """12 Mbit/s, constantly, so that a viewer that reads slowly falls behind soon."""
        return encode(self.folder, "heavy", 8, *picture("640x360"), *tone(440), "-c:v", "libx264",
                      "-preset", "ultrafast", "-tune", "zerolatency", "-g", "13", "-b:v", "12M",
                      "-minrate", "12M", "-maxrate", "12M", "-bufsize", "2M",
                      "-x264-params", "nal-hrd=cbr:force-cfr=1", *AAC)

    def looped(self, name, clip, times):
        """The clip several times over, with timestamps that go on."""
        path = self.folder / f"{name}.ts"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", str(times - 1),
                        "-i", str(clip.path), "-map", "0", "-c", "copy", "-f", "mpegts",
                        str(path)], check=True, timeout=60)
        return Clip(path, clip.seconds * times)

    @functools.cached_property
    def long_plain(self):
        """Five minutes of `plain`, for tests that stop when they have seen enough."""
        return self.looped("long_plain", self.plain, 60)

    def of_20_mbit(self, name, group):
        clip = encode(self.folder, f"{name}-source", 4, *picture("640x360"), *tone(440), "-c:v",
                      "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(group),
                      "-sc_threshold", "0", "-b:v", "20M", "-minrate", "20M", "-maxrate", "20M",
                      "-bufsize", "4M", "-x264-params", "nal-hrd=cbr:force-cfr=1", *AAC)
        return self.looped(name, clip, 8)

    @functools.cached_property
    def flood(self):
        """20 Mbit/s, a keyframe every second."""
        return self.of_20_mbit("flood", 25)

    @functools.cached_property
    def endless_group(self):
        """20 Mbit/s, a keyframe every four seconds: ten megabytes that hang together."""
        return self.of_20_mbit("endless_group", 1000)

    @functools.cached_property
    def one_fragment(self):
        """Half of it as MP4, in one fragment: all of its video, then all of its sound."""
        whole = self.folder / "one_fragment.mov"
        path = self.folder / "one_fragment.mp4"
        copy(self.endless_group.path, whole, "-bsf:a", "aac_adtstoasc")
        copy(whole, path, "-f", "mp4", "-movflags", "empty_moov+default_base_moof",
             "-frag_duration", "600000000", "-t", "16")
        return Clip(path, 16)
