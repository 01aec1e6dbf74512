"""Getting in as fragmented MP4, in the forms that encoders write."""

import contextlib

import pytest

import client
import mp4
import tools

# What ffmpeg's documentation and other servers' tell their users to send.
MOVFLAGS = {
    "keyframe": ("frag_keyframe+empty_moov+default_base_moof",),
    "frame": ("frag_every_frame+empty_moov+default_base_moof",),
    "no-base-moof": ("frag_keyframe+empty_moov",),
    "cmaf": ("cmaf+frag_keyframe",),
    "cmaf-frame": ("cmaf+frag_every_frame",),
    "dash": ("dash+frag_keyframe",),
    "dash-frame": ("dash+frag_every_frame+empty_moov+default_base_moof",),
    "separate": ("separate_moof+frag_keyframe+empty_moov",),
    "delay": ("frag_keyframe+delay_moov+default_base_moof",),
    "negative": ("frag_keyframe+empty_moov+negative_cts_offsets",),
    "seconds": ("empty_moov+default_base_moof", "-frag_duration", "2000000"),
}


def test_ffmpeg_publishes_mp4(relay, media, tmp_path):
    """All forms at once, each to a path of its own."""
    outputs = ("ts", "mp4")
    viewers, publishers, clips = {}, {}, {}
    with contextlib.ExitStack() as stack:
        for name, (flags, *arguments) in MOVFLAGS.items():
            viewers[name] = [relay.watch(f"/live/{name}.{output}?wait=20&slow=catch_up")
                             for output in outputs]
            # With a fragment per frame ffmpeg loses the composition offset of every frame that
            # follows one of its own track; without B-frames that does little.
            clips[name] = media.in_container(
                "plain" if "every_frame" in flags else "reordered", "mp4")
            publishers[name] = stack.enter_context(tools.ffmpeg_publish(
                clips[name].path, relay.url(f"/live/{name}.mp4"), flags=flags, arguments=arguments))
        for name in publishers:
            stream = relay.wait_stream(f"live/{name}",
                                       lambda stream: len(stream.get("tracks", [])) == 2)
            assert [track["codec"] for track in stream["tracks"]] == ["h264", "aac"], name
        for publisher in publishers.values():
            publisher.result()
    for name in MOVFLAGS:
        for output, viewer in zip(outputs, viewers[name]):
            viewer.wait_end()
            assert viewer.complete, name
            frames = tools.check_decodes(tmp_path, viewer.body, output)
            assert frames == 25 * clips[name].seconds, f"{name} to {output}"


@pytest.mark.parametrize("options", ["fragment-duration=500 streamable=true",
                                     "fragment-duration=40 streamable=true",
                                     "fragment-duration=2000 streamable=true",
                                     "fragment-duration=500 fragment-mode=dash-or-mss"])
def test_gstreamer_publishes_mp4_through_curl(relay, tmp_path, options):
    viewers = [relay.watch(f"/live/cam.{output}?wait=20&slow=catch_up") for output in ("ts", "mp4")]
    tools.run("gst-launch-1.0 -q videotestsrc num-buffers=75 is-live=true"
              " ! video/x-raw,width=320,height=180,framerate=25/1"
              " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse"
              f" ! queue ! mp4mux {options} name=mux ! fdsink"
              " audiotestsrc num-buffers=140 is-live=true ! avenc_aac ! aacparse ! queue ! mux."
              f" | curl -sSf -T - {relay.url('/live/cam.mp4')}", shell=True)
    for output, viewer in zip(("ts", "mp4"), viewers):
        viewer.wait_end()
        assert viewer.complete
        assert tools.check_decodes(tmp_path, viewer.body, output) == 75


@pytest.mark.parametrize("container", ["ts", "mp4"])
@pytest.mark.parametrize("size", [100, 1316, 100_000])
def test_an_mp4_viewer_of_a_chunked_body(relay, media, container, size):
    viewer = relay.watch("/live/cam.mp4?wait=20&slow=catch_up")
    data = media.in_container("plain", container).data
    with relay.connect() as connection:
        connection.send_head("PUT", f"/live/cam.{container}", {"Transfer-Encoding": "chunked"})
        for offset in range(0, len(data), size):
            connection.send_chunk(data[offset:offset + size])
        connection.send_chunk(b"")
        response = connection.read_response()
        assert response.status == 200 and int(response.json()["bytes"]) == len(data)
    viewer.wait_end()
    assert viewer.complete
    frames = mp4.Movie(viewer.body).of("video").samples
    assert frames[0].sync and 25 <= len(frames) <= 125


@pytest.mark.parametrize("wrong", ["a box of four bytes", "no moov", "a box larger than its box"])
def test_what_is_no_mp4_is_refused(relay, media, wrong):
    data = media.in_container("plain", "mp4").data
    moov = data.index(b"moov")
    data = {"a box of four bytes": b"\0\0\0\x04free" + data,
            "no moov": data[:moov - 4] + data[data.index(b"moof") - 4:],
            "a box larger than its box": data[:moov + 4] + b"\x7f" + data[moov + 5:]}[wrong]
    response = client.request(relay.http_port, "PUT", "/live/cam.mp4", body=data)
    assert 400 <= response.status < 500
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")


@pytest.mark.parametrize("extension", ["mkv", "m4s", "exe", "MP4"])
def test_an_extension_we_do_not_know_is_415(relay, extension):
    response = client.request(relay.http_port, "PUT", f"/live/cam.{extension}", body=bytes(188))
    assert response.status == 415
    assert relay.streams() == {}
