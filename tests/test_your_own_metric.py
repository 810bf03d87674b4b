"""The code on the page docs/your-own-metric.md: its files are written to a folder and run unchanged."""

import re
import sys
from importlib import import_module
from pathlib import Path

import command_line
import numpy as np
import pytest
import torch
from small_gans import real_samples
from test_trial import first_trials
from test_your_own import assert_passes
from tiny import run_without_ray

import gan_core
import studies
from gan_core.contracts import DataContract
from gan_core.metrics import Fakes
from studies.file import modules
from studies.file.refusal import Refusal
from studies.file.study import Study
from studies.locate import results
from studies.reporting.page.report_page import render_page
from studies.reporting.terminal import verdict_text

call = command_line.call
PAGE = (Path(__file__).parent.parent / "docs" / "your-own-metric.md").read_text()
MODULES = {"agreement", "circle", "test_agreement"}
STUDY = "agreement.toml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the page, on Python's path for one test."""
    for source in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        (tmp_path / source.splitlines()[0].removeprefix("# ")).write_text(source)
    (study,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / STUDY).write_text(study)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(modules, "_imported", {})
    yield tmp_path
    for module in (MODULES | {"second_metric"}) & set(sys.modules):
        del sys.modules[module]


def load(folder, *overrides, smoke=True):
    smallest = ["search.explore=1", "search.exploit.trials=0", "seeds=2"]
    root = f"ledger.root={folder / 'ledger'}"
    return Study.load(folder / STUDY, overrides=[root, *smallest, *overrides], smoke=smoke)


def test_files_of_the_page_are_modules_of_this_test(folder):
    assert {path.stem for path in folder.glob("*.py")} == MODULES


def test_metric_and_data_of_the_page_pass_their_contract_tests(folder):
    assert_passes(import_module("test_agreement").TestAgreement)
    assert_passes(type("TestCircle", (DataContract,), {"subject": import_module("circle").Circle()}))


def test_agreement_is_one_on_the_targets_and_exp_of_minus_a_half_at_the_scale(folder):
    metric, data = import_module("agreement").Agreement(scale=0.5), import_module("circle").Circle().load()
    real = real_samples(data)
    shifted = real.targets + torch.tensor([0.3, 0.4], dtype=torch.float64)
    values = metric.measure(real, Fakes(torch.stack([real.targets, shifted])))
    assert values.tolist() == pytest.approx([1.0, np.exp(-0.5)], rel=1e-12)


def test_a_metric_without_a_value_for_each_member_is_refused(folder):
    fakes = Fakes(torch.zeros(2, 5, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"a value for each member, the shape \(2,\), but has the shape \(\)"):
        fakes.finite_or_nan(torch.tensor(0.5, dtype=torch.float64))


def test_the_metric_of_the_page_decides_its_study(folder):
    """Reference distances, search score and best generator are those of 1 minus the agreement."""
    study = load(folder)
    assert run_without_ray(study).without_result == []
    found = results(study.name, root=study.ledger.root)
    references = found.validation_reference_distances
    assert references["real"] == 0
    constant = references["constant"]
    assert constant is not None
    assert 0 < constant < 1
    curves = found.curves[(found.curves["metric"] == "agreement") & (found.curves["phase"] == "explore")]
    last = curves[curves["step"] == curves["step"].max()].set_index(["condition", "seed"])["value"]
    members = found.members[found.members["phase"] == "explore"].set_index(["condition", "seed"])
    assert len(members) == 4
    assert (members["last_distance"] == 1 - last[members.index]).all()


SECOND = """
from dataclasses import dataclass
from agreement import Agreement

@dataclass(frozen=True, kw_only=True)
class Second(Agreement):
    name = "second"
"""
LENIENT = "outcomes={moved=0.0,near=0.0,swing=9.0,cells=0.0,spread=0.0,modes=0.0,rise=0.0}"


def assert_ranks_by_larger_values(compared, metric):
    """Assert that a metric ranks by its medians over the late window, and that real data are its best control."""
    rankings = compared.metric_rankings
    own = rankings[(rankings["metric"] == metric) & ~rankings["control"]]
    assert sorted(own["condition"]) == sorted(compared.ranking["condition"])
    assert own["larger"].all()
    placed = own[own["rank"].notna()].sort_values("rank")
    assert placed["rank"].iloc[0] == 1
    assert placed["value"].dropna().is_monotonic_decreasing
    controls = rankings[(rankings["metric"] == metric) & rankings["control"]].set_index("condition")["value"]
    assert controls["other real samples"] > controls["a Gaussian"]
    pair = compared.metric_pairs[compared.metric_pairs["metric"] == metric].iloc[0]
    values = own.set_index("condition")["value"].fillna(-np.inf)
    ahead = np.sign(pair["effect"] - 0.5)
    assert ahead in (0, np.sign(values[pair["condition"]] - values[pair["other"]]))


@pytest.mark.parametrize("deciding", ["agreement", "sliced_wasserstein"])
def test_a_ranked_study_with_metrics_of_its_own_is_compared_recorded_and_exported(folder, call, deciding):
    """Records of studies have no classes of their users' metrics, and everything after a run is made from records."""
    (folder / "second_metric.py").write_text(SECOND)
    metrics = "[{kind='agreement:Agreement'},{kind='second_metric:Second'}]"
    overrides = [f"evaluation.metrics={metrics}", f"evaluation.distance='{deciding}'", LENIENT]
    study = load(folder, *overrides)
    assert run_without_ray(study).without_result == []
    compared = studies.compare(study)
    assert compared.ranking["rank"].notna().any()
    assert len(compared.reference_intervals) == (0 if deciding == "agreement" else compared.ranking["rank"].count())
    answer = verdict_text.text([compared])
    assert "has the smallest distance" in answer
    assert "agreement" in render_page(compared)
    assert_ranks_by_larger_values(compared, "second")
    assert "second (rank)" in answer
    assert "Second: larger is better." in answer
    studies.export_generator(study, "gan", folder / "exported")
    assert (
        call("sync", study.name, "--root", study.ledger.root, "--tracking", f"sqlite:///{folder}/mlflow.db").code == 0
    )
    assert call("evaluate", study.name, "--root", study.ledger.root, "--set", "evaluation.directions=17").code == 0


def test_the_source_of_the_metric_is_part_of_the_evaluation_and_not_of_the_training(folder):
    spec = next(iter(first_trials(load(folder))))
    assert set(spec.identity["provenance"]["sources"]) == {"circle"}
    assert set(spec.evaluation["provenance"]["sources"]) == {"agreement"}


def test_a_recorded_study_is_read_without_the_class(folder):
    study = load(folder, smoke=False)
    table = study.table()
    assert table["evaluation"]["metrics"] == [{"kind": "agreement:Agreement", "scale": 0.5}]
    (folder / "agreement.py").unlink()
    modules._imported.clear()
    del sys.modules["agreement"]
    recorded = Study.from_record(table, {})
    assert recorded.table() == table
    assert recorded.evaluation.distance == "agreement"
    assert "agreement" not in sys.modules


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("evaluation.metrics=3", "evaluation.metrics: must be a list of tables, but is 3"),
        ("evaluation.metrics=[3]", "evaluation.metrics.0: must be a table, but is 3"),
        (
            "evaluation.metrics=[{scale=1.0}]",
            "evaluation.metrics.0.kind: must be MODULE:CLASS, a class of your own, but is missing",
        ),
        (
            "evaluation.metrics=[{kind='coverage'}]",
            'evaluation.metrics.0.kind: must be MODULE:CLASS, a class of your own, but is "coverage"',
        ),
        (
            "evaluation.metrics=[{kind='agreement:Agreement',scale=-1.0}]",
            "evaluation.metrics.0.scale: must be > 0, but is -1.0",
        ),
        (
            "evaluation.metrics=[{kind='agreement:Agreement'},{kind='agreement:Agreement',scale=1.0}]",
            "evaluation.metrics.1: must have a name of its own, but agreement is taken",
        ),
        (
            "evaluation.distance='spread'",
            "evaluation.distance: must name a metric that measures quality, but spread has the direction neither",
        ),
        (
            "evaluation.distance='cells'",
            "evaluation.distance: must name a metric with a best attainable value if a higher value is better, but "
            "cells has none",
        ),
        (
            "evaluation.distance='coverage'",
            "evaluation.distance: must name a metric with a best attainable value if a higher value is better, but "
            "coverage has none",
        ),
        (
            "networks.generator.latent=3",
            "data.pairs.latent: must have 3 coordinates, as the generator's latent vectors, but has 2",
        ),
        (
            "data={kind='ring'}",
            "evaluation.metrics.0: must apply to the data, but agreement needs data with spread",
        ),
    ],
)
def test_a_wrong_metric_is_refused_in_one_sentence(folder, override, sentence):
    with pytest.raises(Refusal) as refused:
        load(folder, override)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_attributes_in_the_table_of_the_page_exist():
    (table,) = re.findall(r"\| --- \| --- \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    for row in table.splitlines():
        for name in re.findall(r"`(\w+)`", row.split("|")[1]):
            assert name in gan_core.AnyMetric.__annotations__
