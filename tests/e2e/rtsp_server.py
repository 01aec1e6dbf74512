"""An RTSP camera: gst-rtsp-server through Python's GI, run by rtsp.py as a process of its own.

Its pictures are numbered as client/media/frame_number.hpp says, over all sessions: what a player
does not see of them was lost on the way. Prints `port N` when it listens, then a line per event.
"""

import argparse
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

RATE = 25
PATH = "/cam"
ROLE = "viewer"
VIDEO = {
    "h264": "x264enc tune=zerolatency sliced-threads=false threads=1 speed-preset=ultrafast "
            "bitrate=1500 key-int-max=25 ! video/x-h264,profile=baseline ! "
            "h264parse ! rtph264pay config-interval=-1 name=pay0 pt=96",
    # Several slices a picture, and by the payloader parameter sets before each that is a keyframe's.
    "h264-slices": "x264enc tune=zerolatency sliced-threads=true threads=4 speed-preset=ultrafast "
                   "bitrate=1500 key-int-max=25 option-string=slices=4 ! "
                   "video/x-h264,profile=baseline ! h264parse ! "
                   "rtph264pay config-interval=-1 name=pay0 pt=96",
    "h265-slices": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max=25 "
                   "option-string=slices=4 ! h265parse ! "
                   "rtph265pay config-interval=-1 name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max=25 ! "
            "h265parse ! rtph265pay config-interval=-1 name=pay0 pt=96",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0",
}
TONE = ("audiotestsrc name=tone is-live=true samplesperbuffer=320 ! audioconvert ! audioresample ! "
        "audio/x-raw")
AUDIO = {
    "pcmu": f"{TONE},rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1",
    "pcma": f"{TONE},rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1",
    "l16": f"{TONE},rate=16000,channels=1 ! rtpL16pay name=pay1 pt=98",
    "aac": f"{TONE},rate=48000,channels=2 ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97",
    "opus": f"{TONE},rate=48000,channels=2 ! opusenc ! rtpopuspay name=pay1 pt=99",
}
PROTOCOLS = {
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "any": GstRtsp.RTSPLowerTrans.UDP | GstRtsp.RTSPLowerTrans.TCP,
}


def say(text):
    print(text, flush=True)


def picture(number, size):
    """I420: grey below the row of the number."""
    width, height = size
    digits = number.to_bytes(3, "big")
    word = bytes([0xA5]) + digits + bytes([sum(digits) & 0xFF ^ 0x5A])
    bits = (byte >> shift & 1 for byte in word for shift in range(7, -1, -1))
    row = b"".join(bytes([235 if bit else 16]) * (width // 40) for bit in bits)
    luma = row * 16 + bytes([128]) * (width * (height - 16))
    return luma + bytes([128]) * (width * height // 2)


class Pictures:
    """Feeds one appsrc at its own pace, in a thread. The numbers go on from one to the next."""

    number = 0
    sessions = 0

    def __init__(self, source, arguments):
        self.source, self.arguments = source, arguments
        self.first = Pictures.sessions == 0
        Pictures.sessions += 1
        self.running = True
        threading.Thread(target=self.run, daemon=True).start()

    def caps(self, size):
        return Gst.Caps.from_string(
            f"video/x-raw,format=I420,width={size[0]},height={size[1]},framerate={RATE}/1")

    def run(self):
        size = (320, 180)
        self.source.set_property("caps", self.caps(size))
        # Before that there is no clock: a picture would have no time, and all of them come at odd
        # ones, or the push be refused.
        while self.source.get_state(0).state != Gst.State.PLAYING:
            if not self.running:
                return
            time.sleep(0.005)
        began = time.monotonic()
        count = 0
        while self.running:
            seconds = count / RATE
            time.sleep(max(0.0, began + seconds - time.monotonic()))
            if self.first and self.arguments.stall and seconds >= self.arguments.stall:
                say(f"stalled {Pictures.number}")
                return
            if self.first and self.arguments.resize and seconds >= self.arguments.resize:
                self.arguments.resize = None
                size = (480, 272)
                self.source.set_property("caps", self.caps(size))
                say(f"resized {Pictures.number}")
            buffer = Gst.Buffer.new_wrapped(picture(Pictures.number, size))
            if self.source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return
            Pictures.number += 1
            count += 1


def make_factory(arguments):
    parts = []
    if arguments.video != "none":
        parts.append("appsrc name=pictures is-live=true do-timestamp=true format=time ! "
                     f"videoconvert ! {VIDEO[arguments.video]}")
    if arguments.audio != "none":
        parts.append(AUDIO[arguments.audio].replace("pay1", f"pay{len(parts)}"))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( " + " ".join(parts) + " )")
    factory.set_shared(False)
    factory.set_protocols(PROTOCOLS[arguments.protocols])
    factory.connect("media-configure", configure, arguments)
    return factory


def refuse_seek(_, info):
    """What is live cannot be sought, though ffmpeg asks for the beginning."""
    is_seeking = info.get_query().type == Gst.QueryType.SEEKING
    return Gst.PadProbeReturn.DROP if is_seeking else Gst.PadProbeReturn.OK


def configure(_, media, arguments):
    tone = media.get_element().get_by_name_recurse_up("tone")
    if tone:
        tone.get_static_pad("src").add_probe(Gst.PadProbeType.QUERY_UPSTREAM, refuse_seek)
    source = media.get_element().get_by_name_recurse_up("pictures")
    if source:
        pictures = Pictures(source, arguments)
        media.connect("unprepared", lambda _: setattr(pictures, "running", False))


def protect(server, factory, arguments):
    """Asks for user and password."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    if arguments.auth == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(arguments.user, arguments.password, token)
    else:
        basic = GstRtspServer.RTSPAuth.make_basic(arguments.user, arguments.password)
        auth.add_basic(basic, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(ROLE, "media.factory.access", True)
    permissions.add_permission_for_role(ROLE, "media.factory.construct", True)
    factory.set_permissions(permissions)


def close_clients(server):
    say(f"closed {Pictures.number}")
    server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--video", default="h264", choices=[*VIDEO, "none"])
    parser.add_argument("--audio", default="none", choices=[*AUDIO, "none"])
    parser.add_argument("--protocols", default="any", choices=PROTOCOLS)
    parser.add_argument("--port", default="0")
    parser.add_argument("--auth", choices=["digest", "basic"])
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="")
    parser.add_argument("--stall", type=float, help="the first session has no more pictures then")
    parser.add_argument("--resize", type=float, help="the first session changes its size then")
    parser.add_argument("--close", type=float, help="all sessions are closed, again and again")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = make_factory(arguments)
    if arguments.auth:
        protect(server, factory, arguments)
    server.get_mount_points().add_factory(PATH, factory)
    server.connect("client-connected", lambda *_: say(f"client {Pictures.number}"))
    server.attach(None)
    if arguments.close:
        GLib.timeout_add(int(arguments.close * 1000), close_clients, server)
    say(f"port {server.get_bound_port()}")
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
