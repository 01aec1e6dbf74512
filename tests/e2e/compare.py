"""Whether what was watched is what was published: frames, their order and their times.

Video is decoded and audio is not: a lost, repeated or changed frame shows in the checksums of
either, and audio that was decoded would also show how a player treats the priming of an encoder.
"""

import dataclasses
import fractions
import subprocess

import mpegts

Fraction = fractions.Fraction
TICK = Fraction(1, 90000)
# Inside a PES packet ffmpeg counts on from one audio frame to the next, in whole ticks of 90 kHz:
# with 44.1 kHz and its own PES packets of 15 frames it is off by 11 of them at the end.
COUNTED = 15 * TICK
AAC_IN_TS = 0x0F


@dataclasses.dataclass(frozen=True)
class Frame:
    time: Fraction   # of presentation, in seconds
    digest: str


@dataclasses.dataclass
class Reading:
    """What ffmpeg reads from a file, and what it has to say about it."""
    video: list
    audio: list
    message: str

    def track(self, kind):
        return getattr(self, kind)

    def offset(self):
        """How much later than the video the audio begins; None if one of them is missing."""
        if not self.video or not self.audio:
            return None
        return self.audio[0].time - self.video[0].time

    def audio_frame(self):
        steps = sorted(steps_of(self.audio))
        return steps[len(steps) // 2]


def steps_of(frames):
    return [later.time - frame.time for frame, later in zip(frames, frames[1:])]


def read(path):
    data = path.read_bytes()
    # ADTS headers are MPEG-TS's own; without them the frames of both containers are the same.
    is_adts = path.suffix == ".ts" and AAC_IN_TS in mpegts.streams(data).values()
    strip = ["-bsf:a", "aac_adtstoasc"] if is_adts else []
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-nostdin", "-threads", "1", "-copyts", "-i", str(path),
         "-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough", "-enc_time_base:v", "-1",
         "-c:a", "copy", *strip, "-f", "framemd5", "-"],
        capture_output=True, text=True, timeout=60, check=False)
    failed = f"ended with {done.returncode}" if done.returncode else ""
    return parse(done.stdout, done.stderr.strip() or failed)


def parse(text, message):
    """Reads what the framemd5 muxer wrote: `stream, dts, pts, duration, size, digest`."""
    base, kind, tracks = {}, {}, {"video": [], "audio": []}
    for line in text.splitlines():
        if line.startswith("#tb "):
            index, value = line[4:].split(": ")
            base[index] = Fraction(value)
        elif line.startswith("#media_type "):
            index, value = line[12:].split(": ")
            kind[index] = value
        elif not line.startswith("#"):
            index, _, pts, _, _, digest = [part.strip() for part in line.split(",")[:6]]
            tracks[kind[index]].append(Frame(int(pts) * base[index], digest))
    return Reading(tracks["video"], tracks["audio"], message)


def difference(published, watched, *, exact, kinds=("video", "audio")):
    """What differs first, as text; empty if nothing does.

    `exact`: both are in the same container. Otherwise times may differ by a tick of 90 kHz.
    """
    if watched.message:
        return f"ffmpeg says of what was watched: {watched.message.splitlines()[0]}"
    for kind in kinds:
        found = differs(published.track(kind), watched.track(kind),
                        tolerance(published, kind, exact))
        if found:
            return f"{kind}: {found}"
    for kind in {"video", "audio"} - set(kinds):
        if watched.track(kind):
            return f"there is {kind}"
    if kinds == ("video", "audio") and published.offset() is not None:
        apart = watched.offset() - published.offset()
        if abs(apart) > published.audio_frame():
            return f"audio and video are {float(apart) * 1000:.1f} ms out of sync"
    return ""


def tolerance(published, kind, exact):
    """How far the time of a frame may be from where it was, seen from the track's first."""
    steps = steps_of(published.track(kind))
    if kind == "audio" and steps and min(steps) <= 0:
        # ffmpeg's frag_every_frame gives two audio frames the same time, and we must not.
        return published.audio_frame() + (0 if exact else TICK)
    if exact:
        return 0
    return TICK if kind == "video" else COUNTED


def differs(published, watched, allowed):
    before, after = ([frame.digest for frame in frames] for frames in (published, watched))
    if before != after:
        return explain(before, after)
    for index, (frame, other) in enumerate(zip(published, watched)):
        moved = (other.time - watched[0].time) - (frame.time - published[0].time)
        if abs(moved) > allowed:
            return f"frame {index} of {len(before)} moved by {float(moved) * 1000:.3f} ms"
    return ""


def explain(before, after):
    """How two lists of checksums differ."""
    if not after:
        return f"none of {len(before)} frames"
    if len(after) < len(before):
        if before[-len(after):] == after:
            return f"begins with frame {len(before) - len(after)} of {len(before)}"
        if before[:len(after)] == after:
            return f"ends after {len(after)} of {len(before)} frames"
    first = next((index for index, (one, other) in enumerate(zip(before, after)) if one != other),
                 min(len(before), len(after)))
    return f"frame {first} is another one ({len(before)} published, {len(after)} watched)"
