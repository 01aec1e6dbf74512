"""Just enough WebDriver (https://www.w3.org/TR/webdriver2/) to look into a page in Chromium."""

import http.client
import json
import re
import socket

import client
import tools

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-dev-shm-usage", "--mute-audio",
         "--autoplay-policy=no-user-gesture-required"]


class Browser:
    """A headless Chromium with a profile of its own; ended with the `with` block."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.driver = tools.Tool("chromedriver", f"--port={self.port}",
                                 environment={"HOME": str(folder), "NO_PROXY": "127.0.0.1"})
        self.session = None
        self.folder = folder

    def __enter__(self):
        try:
            client.until(self.ready, what="chromedriver")
            options = {"args": [*FLAGS, f"--user-data-dir={self.folder}/profile"]}
            answer = self.command("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options}}})
            self.session = f"/session/{answer['sessionId']}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self.command("DELETE", self.session)
        finally:
            self.driver.__exit__()

    def ready(self):
        try:
            return self.command("GET", "/status")["ready"]
        except OSError:
            return False

    def command(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())["value"]
        finally:
            connection.close()
        assert response.status == 200, f"{method} {path}: {answer}"
        return answer

    def open(self, url):
        self.command("POST", f"{self.session}/url", {"url": url})

    def run(self, script):
        """What a script in the page returns."""
        return self.command("POST", f"{self.session}/execute/sync", {"script": script, "args": []})


def version():
    """Chromium's major version, or None if there is no Chromium that we could drive."""
    try:
        out, _ = tools.run("chromedriver", "--version")
    except FileNotFoundError:
        return None
    return int(re.search(rb"(\d+)\.", out)[1])
