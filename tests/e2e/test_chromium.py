"""An unmodified browser plays the stream: as the source of a video element, and through MSE."""

import urllib.parse

import pytest

import client
import webdriver

pytestmark = pytest.mark.skipif(webdriver.version() is None, reason="there is no chromedriver")


@pytest.fixture
def browser(tmp_path):
    with webdriver.Browser(tmp_path) as one:
        yield one


def playing(browser, seconds):
    """The state of the page once it has played so long."""
    def reached():
        state = browser.run("return window.state()")
        assert state["problem"] is None, state
        return state if state["time"] > seconds else None
    return client.until(reached, what="the picture")


@pytest.mark.parametrize("page", ["video.html", "mse.html"])
@pytest.mark.parametrize("published", ["ts", "mp4"])
def test_chromium_plays(relay, media, pages, browser, page, published):
    clip = media.in_container("plain", published)
    source = relay.url("/live/cam.mp4?wait=20")
    browser.open(f"{pages}/{page}?source={urllib.parse.quote(source, safe='')}")
    publisher = relay.publish(f"/live/cam.{published}", clip)
    state = playing(browser, 2)
    assert (state["width"], state["height"]) == (320, 180)
    assert state["decoded"] >= 40
    assert state["audio"] > 0
    if page == "mse.html":
        assert state["codecs"].startswith("avc3.") and state["codecs"].endswith(",mp4a.40.2")
    assert publisher.wait().status == 200


def test_chromium_joins_a_stream_that_is_live(relay, media, pages, browser):
    relay.publish("/live/cam.ts", media.plain)
    relay.wait_stream("live/cam", lambda stream: stream["tail"].get("seconds", 0) > 1)
    source = urllib.parse.quote(relay.url("/live/cam.mp4"), safe="")
    browser.open(f"{pages}/mse.html?source={source}")
    assert playing(browser, 1)["width"] == 320
