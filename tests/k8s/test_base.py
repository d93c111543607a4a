"""The base overlay is what the platform can run, and what a cluster would take."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sadd.settings import environment_names

ROOT = Path(__file__).parents[2]
VERSIONS = ("1.30", "1.32", "1.34")

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not on this machine (it builds the kustomization)"
)
pytestmark = needs_kubectl


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    built = subprocess.run(
        ["kubectl", "kustomize", str(ROOT / "k8s/base")], check=True, capture_output=True, text=True
    )
    return [found for found in yaml.safe_load_all(built.stdout) if found]


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [o for o in objects if o["kind"] == kind]
    return found


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for kind in ("Deployment", "Job"):
        yield one(objects, kind)["spec"]["template"]


@pytest.mark.parametrize("version", VERSIONS)
def test_schemas(objects: list[dict[str, Any]], version: str) -> None:
    """Each object passes Kubernetes' own schema, strictly, in each supported version."""
    for found in objects:
        kubernetes_validate.validate(found, version, strict=True)


def test_a_misspelt_field_is_seen(objects: list[dict[str, Any]]) -> None:
    """The validator is not asleep: a planted misspelling is refused."""
    broken = one(objects, "Deployment")
    broken = {**broken, "spec": {**broken["spec"], "minReadySecond": 5}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_settings_exist(objects: list[dict[str, Any]]) -> None:
    """Every SADD_ name in a manifest, the Dockerfile and the guide is a setting."""
    named = set(one(objects, "ConfigMap")["data"])
    for file in ("Dockerfile", "k8s/README.md"):
        named |= set(re.findall(r"\bSADD_[A-Z_]+", (ROOT / file).read_text()))
    assert {n for n in named if n.startswith("SADD_")} <= set(environment_names())


def test_pods_are_restricted(objects: list[dict[str, Any]]) -> None:
    """No pod runs as root, writes to its image, keeps a capability or holds a token."""
    for pod in pods(objects):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "SADD_PORT would be an unknown setting"
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"]["drop"] == ["ALL"]
            assert ":" in container["image"]
            assert not container["image"].endswith(":latest")


def test_names_meet(objects: list[dict[str, Any]]) -> None:
    """Selectors find the workers' pods, and only these; ports and targets are the container's."""
    deployment = one(objects, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    job_labels = one(objects, "Job")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one(objects, "Service")["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        deployment["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= job_labels.items()
    policy = one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels.items()
    assert policy.items() <= job_labels.items()

    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert one(objects, "Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert str(port["containerPort"]) == one(objects, "ConfigMap")["data"]["SADD_SERVER_PORT"]
    scaler = one(objects, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert scaler["metrics"][0]["containerResource"]["container"] == container["name"]
    assert "replicas" not in deployment["spec"], "the autoscaler owns the number of pods"


def test_grace_covers_the_drain(objects: list[dict[str, Any]]) -> None:
    """A pod is not killed before its pause and its drain are over."""
    spec = one(objects, "Deployment")["spec"]["template"]["spec"]
    pause = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = float(one(objects, "ConfigMap")["data"]["SADD_SERVER_DRAIN_TIMEOUT_SECONDS"])
    assert spec["terminationGracePeriodSeconds"] > pause + drain


def test_image_takes_only_what_runs() -> None:
    """The image's part of the lock holds the server's packages with hashes, and no test tool."""
    chosen = subprocess.run(
        [sys.executable, "k8s/runtime_lock.py", "requirements.lock"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = set(re.findall(r"(?m)^([a-z0-9-]+)==", chosen))
    assert {"aiohttp", "asyncpg", "hiredis", "uvloop"} <= names
    assert not {"pytest", "mypy", "locust", "sphinx"} & names
    assert chosen.count("--hash=sha256:") >= len(names)
