"""The manifests in docs/cluster.md agree with this project and with Ray's own check."""

import re
import tomllib
from importlib.metadata import version

import yaml  # type: ignore[import-untyped]
from clusters import ROOT
from ray.autoscaler._private.util import prepare_config, validate_config

TEXT = (ROOT / "docs" / "cluster.md").read_text()
MANIFESTS = [
    manifest for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.S) for manifest in yaml.safe_load_all(block)
]
IMAGE = "gan-studies:" + tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def of_kind(kind: str) -> dict:
    (found,) = (manifest for manifest in MANIFESTS if manifest.get("kind") == kind)
    return found["spec"]


def test_ray_accepts_the_file_of_the_cloud_launcher():
    (config,) = (manifest for manifest in MANIFESTS if "cluster_name" in manifest)
    validate_config(prepare_config(config))
    texts = [*config["setup_commands"], *config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert "--dashboard-host 127.0.0.1" in texts[-3]
    assert any("RAY_AUTH_MODE=token" in text for text in texts)


def test_clusters_on_kubernetes_have_a_token_this_version_and_a_shared_ledger():
    for cluster in (of_kind("RayCluster"), of_kind("RayJob")["rayClusterSpec"]):
        assert cluster["rayVersion"] == version("ray")
        assert cluster["authOptions"] == {"mode": "token", "secretName": "gan-studies-token"}
        pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
        for number, pod in enumerate(pods):
            (container,) = pod["containers"]
            assert container["image"].endswith(f"/{IMAGE}")
            assert "limits" in container["resources"]
            assert {"name": "ledger", "mountPath": "/ledger"} in container["volumeMounts"]
            named = {variable["name"] for variable in container["env"]}
            assert "GAN_STUDY_LEDGER" in named
            assert ("MLFLOW_TRACKING_PASSWORD" in named) is (number == 0)  # the head alone
