"""Registry of metrics: found in the modules of the package, described once."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

from gan_core.metrics import METRICS, SAMPLE_METRICS
from gan_core.objectives import BoundaryEquilibrium
from gan_core.training.health import HEALTH_METRICS

ROOT = Path(__file__).parent.parent
THROW_AWAY = """
from dataclasses import dataclass
from typing import ClassVar

from gan_core.metrics.any_metric import AnyMetric


@dataclass(frozen=True, kw_only=True)
class Mean(AnyMetric):
    \"\"\"Mean of all coordinates.\"\"\"

    name: ClassVar[str] = "mean"
    unit: ClassVar[str] = "data"
    direction: ClassVar[str] = "neither"
    description: ClassVar[str] = "mean of all coordinates"

    def measure(self, real, fake):
        return fake.samples.mean((-2, -1))
"""


def test_names_are_unique_and_every_description_is_registered_under_its_name():
    described = [metric.name for metric in SAMPLE_METRICS] + [metric.name for metric in HEALTH_METRICS]
    described += [metric.name for metric in BoundaryEquilibrium.described_metrics]
    assert len(set(described)) == len(described)
    assert list(METRICS) == described
    assert all(name == description.name for name, description in METRICS.items())


def test_metrics_of_samples_and_of_the_training_are_in_their_sections():
    sections = {name: description.section for name, description in METRICS.items()}
    assert {name for name, section in sections.items() if section == "samples"} == {m.name for m in SAMPLE_METRICS}


def test_a_file_in_the_package_is_all_that_a_metric_needs(tmp_path):
    """It is then measured, described and given reference values."""
    copytree(ROOT / "gan_core", tmp_path / "gan_core", ignore=ignore_patterns("__pycache__"))
    (tmp_path / "gan_core" / "metrics" / "mean.py").write_text(THROW_AWAY)
    code = (
        "from gan_core import *\n"
        "data = Ring(train=300, held_out=80).load()\n"
        "generator = MLPGenerator(width=4, depth=1, latent=2)\n"
        "evaluator = Evaluator(generator, data, settings=EvaluationSettings(samples=50, exact_points=20))\n"
        "initial = generator.initial(data.sample_shape, stream(0, 'generator_parameters'))\n"
        "values = evaluator.evaluate({name: value[None].float() for name, value in initial.items()}, last=False)\n"
        "print(values['mean'].shape, METRICS['mean'].unit, 'mean' in evaluator.real_values)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "(1,) data True\n"
