"""What else is in deploy/: that it is what its readers take it for."""

import re
import shutil
import subprocess

import pytest
import yaml

import edges
import relay as relay_module

DEPLOY = edges.DEPLOY
CONFIGS = ["container/spancast.yaml", "container/behind-proxy.yaml", "systemd/spancast.yaml"]


def documents(path):
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))


def check_config(path):
    done = relay_module.run_once("--config", path, "--check-config")
    assert done.returncode == 0, done.stderr
    return relay_module.run_once("--config", path, "--print-config").stdout


@pytest.mark.parametrize("name", CONFIGS)
def test_the_relay_takes_its_configuration(name):
    shown = check_config(DEPLOY / name)
    assert "  delay: 3s" in shown
    assert "all" not in yaml.safe_load((DEPLOY / name).read_text())["publisher"]["allow"]


def test_the_relay_takes_the_one_of_kubernetes(tmp_path):
    found = documents("kubernetes/spancast.yaml")
    config = next(one for one in found if one["kind"] == "ConfigMap")["data"]["spancast.yaml"]
    path = tmp_path / "spancast.yaml"
    path.write_text(config)
    check_config(path)


# compose.yaml

def test_compose_names_what_there_is():
    compose = documents("compose.yaml")[0]
    services = compose["services"]
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert source == "./certs" or (DEPLOY / source).exists(), f"{name}: {source}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"
        for other in service.get("depends_on", {}):
            assert other in services
        for port in service.get("ports", []):
            assert name == "haproxy" or port.startswith("127.0.0.1:"), f"{name}: {port}"
    for name in ("relay1", "relay2"):
        relay = services[name]
        assert relay["read_only"] and relay["cap_drop"] == ["ALL"] and "ports" not in relay
    # The targets of the other files are services here.
    named = set(re.findall(r"\b(relay\d|haproxy|prometheus):\d+", "".join(
        (DEPLOY / one).read_text() for one in (
            "haproxy/haproxy.cfg", "prometheus/prometheus.yml",
            "grafana/provisioning/datasources/prometheus.yaml"))))
    assert named == {"relay1", "relay2", "haproxy", "prometheus"} and named <= set(services)
    # Whom the relays believe is the proxy, by its fixed address.
    address = services["haproxy"]["networks"]["inside"]["ipv4_address"]
    assert documents("container/behind-proxy.yaml")[0]["http"]["trusted_proxies"] == [address]


def test_its_variables_are_keys_of_the_relay():
    relay = documents("compose.yaml")[0]["services"]["relay1"]
    stateful = next(one for one in documents("kubernetes/spancast.yaml")
                    if one["kind"] == "StatefulSet")
    container = stateful["spec"]["template"]["spec"]["containers"][0]
    names = {*relay["environment"], *(one["name"] for one in container["env"])}
    values = {name: "::" if name.endswith("ADDRESS") else "0123456789abcdef" for name in names}
    done = relay_module.run_once("--check-config", environment=values)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_the_image_is_one_build_away():
    text = (DEPLOY / "Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", text, re.MULTILINE)
    assert [name for _, name in stages][-1] == "relay", "what is built by default"
    assert {source for source, name in stages} <= {
        "debian:bookworm-slim", *(name for _, name in stages)}
    assert {"relay", "camera", "full"} <= {name for _, name in stages}


# Kubernetes

def test_kubernetes_selectors_and_ports_fit():
    found = documents("kubernetes/spancast.yaml") + documents("kubernetes/edge.yaml")
    pods = [one["spec"]["template"] for one in found if one["kind"] in ("StatefulSet", "Deployment")]
    labels = [pod["metadata"]["labels"] for pod in pods]
    for one in found:
        if one["kind"] in ("Service", "PodDisruptionBudget"):
            selector = one["spec"]["selector"]
            assert selector.get("matchLabels", selector) in labels, one["metadata"]["name"]
    for pod in pods:
        spec = pod["spec"]
        assert spec["enableServiceLinks"] is False and spec["securityContext"]["runAsNonRoot"]
        mounts = {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
        claims = {"data"} if pod["metadata"]["labels"]["app"] == "spancast" else set()
        assert mounts == {volume["name"] for volume in spec["volumes"]} | claims
        ports = {port["name"] for port in spec["containers"][0]["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in spec["containers"][0]:
                assert spec["containers"][0][probe]["httpGet"]["port"] in ports
        assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"]


# systemd

@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_takes_the_unit(tmp_path):
    text = (DEPLOY / "systemd/spancast.service").read_text()
    assert text.count("/usr/local/bin/spancast --config") == 2
    unit = tmp_path / "spancast.service"
    unit.write_text(text.replace("=/usr/local/bin/spancast", f"={relay_module.BINARY}"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True,
                          text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           "--threshold=20", unit], capture_output=True, text=True, timeout=60,
                          check=False)
    print(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout  # an exposure of 2.0 at most
