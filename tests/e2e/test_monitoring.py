"""deploy/prometheus and deploy/grafana against a real relay and Debian's Prometheus."""

import collections
import contextlib
import json
import re
import shutil
import subprocess
import urllib.parse

import pytest
import yaml

import client
import edges
import relay as relay_module

pytestmark = edges.missing("promtool")

DASHBOARDS = sorted((edges.DEPLOY / "grafana/dashboards").glob("*.json"))
PROMETHEUS = edges.DEPLOY / "prometheus"
NAME = re.compile(r"\bspancast_\w+")
# A selector of one metric: name{label="value",other=~"one|two"}.
SELECTOR = re.compile(r"\b(spancast_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|=|!=)\s*"([^"]*)"')
TOKEN = "a-token-of-the-test"


def everything(folder):
    """A relay that has all families: it records, keeps state, and has a hook and a stream."""
    return {"recording": {"enabled": True, "root": str(folder / "recordings")},
            "state": {"path": str(folder / "state")}, "admin": {"token": TOKEN},
            "http": {"address": "127.0.0.1"}, "publisher": {"grace": "1m"},
            "hooks": {"on_unpublish": ["true"]}}


@pytest.fixture
def scraped(start, media, tmp_path):
    """The relay with a stream and a viewer, and what it says of itself."""
    relay = start(everything(tmp_path))
    relay.metric = None  # asks without the token
    viewer = relay.watch("/live/cam.ts?wait=20")
    relay.publish("/live/cam.ts", media.long_plain)
    viewer.wait_bytes(10_000)
    relay.text = page_of(relay)
    return relay


def page_of(relay):
    answer = client.request(relay.admin_port, "GET", "/metrics",
                            {"Authorization": f"Bearer {TOKEN}"})
    assert answer.status == 200
    return answer.body.decode()


def families(text):
    """Name → type; of histograms also the names of what they consist of."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found[name] = kind
            if kind == "histogram":
                found.update({f"{name}_{part}": kind for part in ("bucket", "sum", "count")})
    return found


def label_values(text):
    """(metric, label) → all its values."""
    found = collections.defaultdict(set)
    for line in text.splitlines():
        if matched := SELECTOR.match(line):
            for label, _, value in MATCHER.findall(matched[2]):
                found[matched[1], label].add(value)
    return found


def expressions():
    """(where, expression) of every rule and every panel."""
    rules = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        for variable in board["templating"]["list"]:
            yield f"{path.name}: {variable['name']}", variable["query"]["query"]
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]


def test_every_metric_and_label_that_is_named_exists(scraped):
    names, values = families(scraped.text), label_values(scraped.text)
    used = set()
    for where, expression in expressions():
        found = NAME.findall(expression)
        assert found or "up{" in expression, f"{where}: {expression}"
        for name in found:
            used.add(name)
            assert name in names, f"{where}: the relay has no {name}"
        for name, matchers in SELECTOR.findall(expression):
            for label, _, value in MATCHER.findall(matchers):
                if label in ("instance", "job"):
                    continue  # of Prometheus
                for one in value.split("|"):
                    assert one in values[name, label], f"{where}: no {name} with {label}={one}"
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            for label in set(re.split(r",\s*", labels)) - {"instance", "le"}:
                assert any((name, label) in values for name in found), f"{where}: no label {label}"
    assert len(used) > 40


def test_a_name_that_is_wrong_would_be_seen(scraped):
    names = families(scraped.text)
    assert "spancast_viewers" in names and "spancast_ingest_to_socket_seconds_bucket" in names
    assert "spancast_viewer" not in names and "spancast_viewers_total" not in names


def test_promtool_has_nothing_to_say_of_the_metrics(scraped):
    done = subprocess.run(["promtool", "check", "metrics"], input=scraped.text,
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# The files, as Prometheus reads them.

def shipped(folder, relay=None):
    """A copy of deploy/prometheus; with a relay it is the one that is scraped."""
    shutil.copytree(PROMETHEUS, folder)
    config = folder / "prometheus.yml"
    text = config.read_text()
    token = folder / "token"
    token.write_text(TOKEN)
    targets = f'"127.0.0.1:{relay.admin_port}"' if relay else '"relay1:8081", "relay2:8081"'
    for old, new in (("/run/secrets/admin_token", str(token)),
                     ('"relay1:8081", "relay2:8081"', targets),
                     ("scrape_interval: 10s", "scrape_interval: 1s"),
                     ("evaluation_interval: 10s", "evaluation_interval: 1s")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    config.write_text(text)
    return config


def test_promtool_finds_config_and_rules_good(tmp_path):
    config = shipped(tmp_path / "prometheus")
    done = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should(tmp_path):
    for name in ("alerts.yaml", "alerts_test.yaml"):
        folder = PROMETHEUS if name == "alerts.yaml" else relay_module.ROOT / "tests/data/prometheus"
        shutil.copy(folder / name, tmp_path)
    done = subprocess.run(["promtool", "test", "rules", "alerts_test.yaml"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = yaml.safe_load((tmp_path / "alerts.yaml").read_text())
    tested = (tmp_path / "alerts_test.yaml").read_text()
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert f"alertname: {rule['alert']}\n" in tested, f"{rule['alert']} is not tested"


@contextlib.contextmanager
def prometheus(config, folder):
    port, = edges.free_ports(1)
    process = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield port
    finally:
        process.terminate()
        print(process.communicate(timeout=20)[1].decode()[-2000:])


def query(port, expression):
    """[(labels, value)] of an instant query."""
    try:
        answer = client.request(port, "GET", "/api/v1/query?query=" + urllib.parse.quote(expression))
    except ConnectionRefusedError:
        return []
    if answer.status != 200:
        return []
    return [(one["metric"], float(one["value"][1])) for one in answer.json()["data"]["result"]]


def test_prometheus_scrapes_the_relay(scraped, tmp_path):
    config = shipped(tmp_path / "prometheus", scraped)
    with prometheus(config, tmp_path) as port:
        client.until(lambda: query(port, 'up{job="spancast"} == 1'), what="a scrape")
        client.until(lambda: query(port, 'spancast_viewers{stream="live/cam"} == 1'), what="a viewer")
        assert query(port, "sum(spancast_bytes_out_total)")[0][1] > 10_000
        rules = client.request(port, "GET", "/api/v1/rules").json()["data"]["groups"]
        assert len(rules[0]["rules"]) > 10
        client.until(lambda: query(port, 'rate(spancast_bytes_in_total[5s]) > 0'), what="a rate")
        healths = {rule["health"] for rule in client.request(
            port, "GET", "/api/v1/rules").json()["data"]["groups"][0]["rules"]}
        assert healths <= {"ok", "unknown"}, healths
        # Without the token there is nothing to be had.
        assert client.request(scraped.admin_port, "GET", "/metrics").status == 401
