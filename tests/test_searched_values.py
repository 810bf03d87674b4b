"""Lists, steps and conditional hyperparameters from the ledger through tables, text and figures to MLflow."""

import json
from io import StringIO
from pathlib import Path
from zlib import crc32

import pandas as pd
import pytest
from rich.console import Console
from simulated import simulate

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec
from studies.reporting.figures.hyperparameter_maps import hyperparameter_pairs, outcome_map
from studies.reporting.terminal.outline import outline
from studies.reporting.terminal.ranking_table import print_ranking
from studies.reporting.terminal.verdict_text import content, markdown
from studies.reporting.text.verdict import verdict
from studies.tables.results import Results
from studies.tracking.notes import study_note
from studies.tracking.run_content import params
from studies.tracking.views import views

STUDY = """
name = "values"
seeds = 2
budget = {unit = "generator_steps", steps = 20}
evaluation.measurements = 10
search = {explore = 24, exploit = {trials = 4, batch = 2}, confirm = {best = 1, seeds = 4}}
networks.generator = {kind = "mlp", width = 8, depth = 1, latent = 2}
networks.critic = {kind = "mlp", width = 8, depth = 1}

[[conditions]]
name = "dragan"
preset = "dragan"
training.n_critic = {choice = [1, 5]}
training.batch = {int_log_uniform = [4, 64]}
training.critic_optimizer.betas = {choice = [[0.0, 0.9], [0.5, 0.9]]}
constraint.gp_weight = {uniform = [2.5, 10], step = 2.5}
constraint.noise_scale = {uniform = [0.1, 1.0], when = {training.n_critic = 5}, otherwise = 0.25}

[[conditions]]
name = "listed"
preset = "gan"
training.generator_optimizer.betas = {grid = [[0.0, 0.9], [0.5, 0.9], [0.5, 0.999]]}
"""
BETAS, SCALE = "training.critic_optimizer.betas", "constraint.noise_scale"


def progress(trial: TrialSpec, seed: int) -> list[float]:
    """Better with n_critic 5 and a small noise, and with betas of the generator of 0.5."""
    noise = crc32(f"{trial.address}{seed}".encode()) / 2**32 / 20
    if trial.condition == "listed":
        return [0, 0.4, 0.9 if trial.configuration["training.generator_optimizer.betas"][0] else -1.5]
    return [0, 0.3, 0.9 - 0.5 * trial.configuration.get(SCALE, 0.8) + noise]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return simulate(tmp_path_factory.mktemp("values"), progress, text=STUDY)


@pytest.fixture(scope="module")
def compared(found: Results) -> Comparison:
    return Comparison(found)


def test_a_list_is_text_in_the_tables_and_what_is_not_searched_is_empty(found: Results) -> None:
    trials = found.trials[found.trials["condition"] == "dragan"]
    assert set(trials[BETAS]) == {"[0.0, 0.9]", "[0.5, 0.9]"}
    assert (trials[SCALE].isna() == (trials["training.n_critic"] == 1)).all()
    assert trials[SCALE].dtype == "float64"
    assert trials["training.batch"].dtype == "Int64"
    assert set(trials["constraint.gp_weight"]) <= {2.5, 5.0, 7.5, 10.0}
    assert trials[trials["phase"] == "explore"][SCALE].notna().sum() == 12
    assert found.trials.loc[found.trials["condition"] == "listed", BETAS].isna().all()


def test_configurations_read_from_the_ledger_are_those_of_the_design(found: Results) -> None:
    for spec in found.specs:
        setting = found.study.condition(spec.condition).setting(spec.configuration)
        assert setting.table() == {part: spec.identity[part] for part in setting.table()}
        if spec.condition == "dragan":
            assert type(spec.configuration[BETAS]) is tuple
            assert spec.identity["constraint"]["noise_scale"] == spec.configuration.get(SCALE, 0.25)


def test_the_ranking_shows_the_values_of_the_setting_found(found: Results) -> None:
    rows = found.ranking.set_index("condition")
    assert rows.loc["dragan", BETAS] in ("[0.0, 0.9]", "[0.5, 0.9]")
    assert rows.loc["listed", "training.generator_optimizer.betas"] in ("[0.5, 0.9]", "[0.5, 0.999]")
    console = Console(file=StringIO(), width=100)
    print_ranking(Comparison(found), console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"betas = {rows.loc['dragan', BETAS]}" in printed
    assert "…" not in printed  # nothing is cut off at 100 columns
    assert "nan" not in printed


def test_a_list_has_a_share_of_its_own(compared: Comparison) -> None:
    shares = compared.shares
    assert set(shares.loc[shares["hyperparameter"] == BETAS, "value"]) == {"[0.0, 0.9]", "[0.5, 0.9]"}
    listed = shares[shares["condition"] == "listed"]
    assert listed.groupby("value")["configurations"].first().to_dict() == {
        "[0.0, 0.9]": 8,
        "[0.5, 0.9]": 8,
        "[0.5, 0.999]": 8,
    }
    assert listed.groupby("value")["reached"].max().to_dict() == {"[0.0, 0.9]": 0, "[0.5, 0.9]": 8, "[0.5, 0.999]": 8}


def test_ranges_are_written_as_in_a_study_file(compared: Comparison) -> None:
    ranges = compared.volumes.set_index("condition")["ranges"].groupby("condition").first()
    assert (
        f'{SCALE} = {{uniform = [0.1, 1.0], when = {{"training.n_critic" = [5]}}, otherwise = 0.25}}'
        in ranges["dragan"]
    )
    assert "constraint.gp_weight = {uniform = [2.5, 10.0], step = 2.5}" in ranges["dragan"]


def test_sentences_figures_and_outline_hold_the_values(found: Results, compared: Comparison) -> None:
    sentences = " ".join(sentence for topic in verdict(compared) for sentence in topic.sentences)
    assert "[0.5, 0.9]" in sentences
    for text in (sentences, markdown([compared])):
        assert "nan" not in text
        assert "None" not in text
    json.dumps(content([compared], lambda frame: frame.to_dict("records")), default=str)
    for condition in ("dragan", "listed"):
        assert outcome_map(found, condition) is not None
    assert hyperparameter_pairs(found, "dragan") is not None
    assert 'when {"training.n_critic": [5]}' in outline(found.study)


def test_params_and_notes_in_mlflow_hold_the_searched_values(found: Results) -> None:
    for spec in found.specs:
        written = params(found.study, spec)
        if spec.condition == "dragan":
            assert written["critic betas"] in ("[0.0, 0.9]", "[0.5, 0.9]")
            assert ("noise_scale" in written) == (spec.configuration["training.n_critic"] == 5)
    assert "nan" not in study_note(found, "", [])
    assert views(found.study, 0)


def test_the_table_of_trials_survives_parquet(found: Results, tmp_path: Path) -> None:
    found.trials.to_parquet(tmp_path / "trials.parquet", index=False)
    read = pd.read_parquet(tmp_path / "trials.parquet")
    pd.testing.assert_frame_equal(read, found.trials, check_dtype=False, check_categorical=False)
