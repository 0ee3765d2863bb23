"""What lies in ``deploy/`` and the compose file is valid and agrees with the code."""

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deepfake_webapp import metrics
from deepfake_webapp.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "webapp-backend/Dockerfile").read_text()
MANIFEST = list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text()))
SETTINGS = {variable_of(name) for name in Settings.model_fields}


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / "locks" / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", MANIFEST, ids=lambda document: document["kind"])
def test_the_manifest_fits_the_schemas_of_kubernetes(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, "1.32", strict=True)


def test_the_manifest_is_seen_to_be_wrong_when_it_is() -> None:
    broken = json.loads(json.dumps(MANIFEST[0]))
    broken["spec"]["template"]["spec"]["containers"][0]["ports"] = "8080"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.32", strict=True)


def test_every_setting_named_exists() -> None:
    for file in ["docker-compose.yml", "webapp-backend/Dockerfile", "webapp-backend/entrypoint.sh"]:
        assert set(re.findall(r"DEEPFAKE_\w+", (ROOT / file).read_text())) <= SETTINGS, file
    for file in [*(ROOT / "deploy").iterdir(), *(ROOT / "docs").glob("*.md")]:
        assert set(re.findall(r"DEEPFAKE_\w+", file.read_text())) <= SETTINGS, file


def test_every_figure_named_exists() -> None:
    known = {
        sample
        for family in metrics.REGISTRY.collect()
        for sample in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    }
    for name in ("grafana-dashboard.json", "prometheus-rules.yml"):
        text = (ROOT / "deploy" / name).read_text()
        named = set(re.findall(r"\b(deepfake_\w+)(?=[\[{)])", text))
        assert named
        assert named <= known, name


def test_the_dashboard_is_one() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    assert all(panel["targets"] for panel in dashboard["panels"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_default_deployment_and_its_profiles() -> None:
    services = COMPOSE["services"]
    assert {n for n, s in services.items() if "profiles" not in s} == {"app", "tensorboard"}
    profiles = {profile for s in services.values() for profile in s.get("profiles", ())}
    assert profiles == {"train", "notebook", "gpu", "scale"}
    for name in ("app", "tensorboard", "replica", "proxy"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["mem_limit"]
    assert all("deploy" in services[name] for name in ("train-gpu", "notebook-gpu"))
    for name in ("notebook", "notebook-gpu"):
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        assert services[name]["command"][:2] == ["jupyter", "lab"]


def test_every_target_named_is_a_stage() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE))
    builds = [service["build"] for service in COMPOSE["services"].values() if "build" in service]
    assert {build["target"] for build in builds} <= stages
    assert DOCKERFILE.rstrip().split("FROM ")[-1].startswith("runtime AS app")


def test_the_image_has_the_versions_the_tests_ran_on() -> None:
    tested = pins("dev.txt")
    version = re.compile(r"^tensorflow-cpu==")
    for lock in ("light.txt", "image.txt", "training.txt", "build.txt"):
        assert {version.sub("tensorflow==", pin) for pin in pins(lock)} <= tested, lock
    assert {pin for pin in pins("gpu.txt") - tested if not pin.startswith("nvidia-")} == set()
    assert not any(pin.startswith(("tensorflow", "keras", "scipy")) for pin in pins("light.txt"))


def test_links_of_the_notes_lead_somewhere() -> None:
    for note in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", note.read_text()):
            assert target.startswith("http") or (note.parent / target).exists(), target
