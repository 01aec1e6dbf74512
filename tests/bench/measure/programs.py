"""The real camera and player on both ends: from a picture's capture to its decoded copy."""

from .figures import Row
from .processes import Failed

BOTH = (0, 1)


def watch(bench, relay, seconds):
    """The last report of a player that watches the camera for so long."""
    player = bench.start([bench.relay.parent / "spancast-player", "--headless", "--stats", "json",
                          "--seconds", seconds, f"spancast://127.0.0.1:{relay.port}/live/cam"], BOTH)
    report = None
    while (event := player.next_event(seconds + 30)) is not None:
        report = event
    if player.stop() != 0 or report is None:
        raise Failed(f"spancast-player: {player.last_words()}")
    bench.children.remove(player)
    numbers = report["frame_numbers"]
    if numbers["missing"] or numbers["repeated"] or report["gaps"]:
        raise Failed(f"spancast-player: frames are missing or twice there: {report}")
    return report


def glass_to_glass(bench):
    """1280x720 at 30 frames a second, encoded, published, watched and decoded on this machine."""
    found = []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        relay = bench.start_relay(BOTH)
        camera = bench.start([bench.relay.parent / "spancast-camera", "test",
                              f"spancast://127.0.0.1:{relay.port}/live/cam", "--size", "1280x720",
                              "--fps", "30", "--stats", "json"], BOTH)
        while (event := camera.next_event(30)) is not None and not event["acknowledged"]:
            pass
        if event is None:
            raise Failed(f"spancast-camera: {camera.last_words()}")
        found.append(watch(bench, relay, 5 if bench.quick else 20))
        bench.stop(camera, relay.child)
    of = lambda name: [report["latency_ms"][name] for report in found]
    frames = sum(report["frames_decoded"] for report in found)
    return [Row("glass_p50", of("p50"), f"ms, {frames} frames"),
            Row("glass_p99", of("p99"), f"ms; at most {max(of('max')):.0f}"),
            Row("glass_startup", [report["startup_ms"] for report in found], "ms")]
