"""compose.yaml and kubernetes.yaml: right by their schemas, closed, and of one mind with image and settings."""

import configparser
import json
import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path

import compose_spec
import kubernetes_validate
import pytest
import yaml

from runtime.settings_file import load_settings, redis_url, settings_from

DEPLOY = Path(__file__).parents[3] / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OBJECTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8")))
KUBERNETES = "1.35"


def validate_compose(found: dict) -> None:
    """Raise ValueError for what the Compose Specification does not know."""
    compose_spec.PyCompose.from_json(json.dumps(found)).to_spec()


def one(kind: str, name: str = "vigil") -> dict:
    """Return the object of a kind."""
    (found,) = (o for o in OBJECTS if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return found


def pod() -> dict:
    return one("StatefulSet")["spec"]["template"]["spec"]


def test_the_compose_file_is_right_by_its_specification():
    """And the check can tell: a key with a slip of the pen is refused."""
    validate_compose(COMPOSE)
    slip = json.loads(json.dumps(COMPOSE).replace('"read_only"', '"read_onyl"'))
    with pytest.raises(ValueError, match="read_onyl"):
        validate_compose(slip)


def test_every_name_in_the_compose_file_leads_somewhere():
    """Networks, volumes, configs and secrets that a service names are declared, and used."""
    for kind in ("networks", "secrets", "configs"):
        named = [
            entry for service in COMPOSE["services"].values() for entry in service.get(kind, [])
        ]
        sources = {entry if isinstance(entry, str) else entry["source"] for entry in named}
        assert sources == set(COMPOSE[kind]), kind
    volumes = [v.split(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", [])]
    # Two Vigils never write to one audit log.
    assert sorted(volumes) == sorted(COMPOSE["volumes"])
    for entry in COMPOSE["configs"].values():
        assert (DEPLOY / entry["file"]).is_file()


def test_the_proxy_knows_where_each_vigil_is():
    """By the fixed addresses of the compose file, within its network."""
    network = ip_network(COMPOSE["networks"]["outside"]["ipam"]["config"][0]["subnet"])
    services = [COMPOSE["services"][name] for name in ("vigil-a", "vigil-b")]
    addresses = [service["networks"]["outside"]["ipv4_address"] for service in services]
    proxied = re.findall(r"server ([\d.]+):8000", (DEPLOY / "nginx.conf").read_text("utf-8"))
    assert proxied == addresses and all(ip_address(one) in network for one in addresses)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_of_compose_is_closed(name):
    """No root, no right, no writable root, and no secret as text."""
    service = COMPOSE["services"][name]
    assert service["user"] == "10001:10001" and service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    assert not {"environment", "privileged", "cap_add", "network_mode", "pid"} & set(service)


@pytest.mark.rule("F6", "F10")
def test_secrets_are_files_and_none_of_them_is_ours():
    """What secrets/ holds is neither in the repository nor in an image."""
    for entry in COMPOSE["secrets"].values():
        assert entry["file"].startswith("./secrets/")
    assert not (DEPLOY / "secrets").exists() or "deploy/secrets/" in (DEPLOY.parent / ".gitignore").read_text()  # fmt: skip
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in allowed and not [line for line in allowed if "deploy" in line]


def test_an_image_gets_every_room():
    """Whatever setup.cfg makes a package of may be copied into the image, and what it names as data."""
    config = configparser.ConfigParser()
    config.read(DEPLOY.parent / "setup.cfg")
    packages = config["options.packages.find"]["include"].replace("*", "").split()
    data = [line for name in config["options.data_files"].values() for line in name.split()]
    wanted = {*packages, *(line.split("/")[0] for line in data), "vigil.py", "requirements.lock"}
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8")
    assert {f"!{name}" for name in wanted} <= set(allowed.splitlines())


@pytest.mark.parametrize("found", OBJECTS, ids=lambda o: f"{o['kind']}-{o['metadata']['name']}")
def test_an_object_of_kubernetes_is_right_by_its_schema(found):
    """Strictly: a key that Kubernetes would drop in silence is an error."""
    kubernetes_validate.validate(found, KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found | {"specs": {}}, KUBERNETES, strict=True)


def test_a_pod_is_closed():
    """No root, no right, no writable root, in both containers; no token of the cluster."""
    closed = pod()["securityContext"]
    assert closed["runAsNonRoot"] and closed["runAsUser"] == closed["fsGroup"] == 10001
    assert closed["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False
    for container in pod()["containers"] + pod()["initContainers"]:
        held = container["securityContext"]
        assert held["readOnlyRootFilesystem"] and not held["allowPrivilegeEscalation"]
        assert held["capabilities"] == {"drop": ["ALL"]} and container["resources"]["limits"]["memory"]  # fmt: skip


def test_names_in_kubernetes_lead_somewhere():
    """Volumes, objects, ports and labels that are named exist."""
    claims = {c["metadata"]["name"] for c in one("StatefulSet")["spec"]["volumeClaimTemplates"]}
    volumes = {volume["name"] for volume in pod()["volumes"]} | claims
    for container in pod()["containers"] + pod()["initContainers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert one("Service", one("StatefulSet")["spec"]["serviceName"])["spec"]["clusterIP"] == "None"
    (container,) = pod()["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name in ("vigil", "vigil-replicas"):
        assert one("Service", name)["spec"]["ports"][0]["targetPort"] in ports
    labels = one("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    selectors = [one("StatefulSet")["spec"]["selector"]["matchLabels"],
                 one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                 one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                 *(one("Service", name)["spec"]["selector"] for name in ("vigil", "vigil-replicas"))]  # fmt: skip
    assert all(selector == labels for selector in selectors)
    secret = one("Secret")["stringData"]
    copied = re.findall(r"/run/secret/([\w.-]+)", " ".join(pod()["initContainers"][0]["command"]))
    assert set(copied) == set(secret)


def test_both_configurations_are_right_and_fit_the_image(tmp_path):
    """Vigil takes them, listens where the image says, and writes to the image's one volume."""
    in_kubernetes = one("ConfigMap")["data"]["vigil.toml"]
    both = [load_settings(DEPLOY / "vigil.toml"), settings_from(tomllib.loads(in_kubernetes))]
    for settings in both:
        assert (settings.bind, settings.port) == ("0.0.0.0", 8000)
        assert settings.data_dir == "/var/lib/vigil" and settings.ehr[0].mode == "shadow"
        with pytest.raises(Exception, match=r"redis_password_file .* does not exist"):
            redis_url(settings)
    assert "EXPOSE 8000\n" in DOCKERFILE and "VOLUME /var/lib/vigil\n" in DOCKERFILE
    (container,) = pod()["containers"]
    assert container["ports"][0]["containerPort"] == 8000


def test_probes_ask_for_pages_that_exist():
    """The image's health check and the pod's probes name routes of Vigil, which the proxy keeps to itself."""
    text = "".join(path.read_text("utf-8") for path in (DEPLOY.parent / "runtime").rglob("*.py"))
    (container,) = pod()["containers"]
    probed = {
        container[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "liveness", "readiness")
    }
    asked = set(re.findall(r"'GET', '(/\w+)'", DOCKERFILE))
    assert probed == {"/livez", "/readyz"} and asked == {"/livez"}
    for page in probed:
        assert f'"{page}"' in text, page
