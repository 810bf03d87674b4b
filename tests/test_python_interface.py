"""The functions of `studies` in Python: a run, short texts, and the HTML that notebooks show."""

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from recorded import load_tiny, run_pending
from rich.console import Console
from simulated import RISING, simulate
from tiny import DIRAC, run_without_ray, study_in

import services
import studies
from gan_core.networks import MLPGenerator
from gan_core.shapes import SampleShape
from studies.errors import InputError
from studies.execution.runner import RunResult
from studies.file.messages import few_names
from studies.file.study import Study
from studies.progress.events import Broadcast, Listener
from studies.reporting import figures
from studies.reporting.notebook import NotebookProgress
from studies.reporting.terminal import verdict_text
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentences
from studies.tables.results import Results
from studies.tables.trained_generators import TrainedConfiguration


class Elements(HTMLParser):
    """Elements of an HTML text in their order, those that are still open at its end, and its words."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def shown(value: object) -> Elements:
    """The HTML of a value, which must be complete, load nothing and run nothing."""
    html = value._repr_html_()  # type: ignore[attr-defined]
    page = Elements(html)
    assert page.open == []
    assert not page.of("script")
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.of("img"))
    return page


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return simulate(tmp_path_factory.mktemp("found"), lambda trial, seed: RISING)


# -- a run -----------------------------------------------------------------------------------------------------------


def test_a_run_returns_the_results_and_trains_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def run_here(study: Study, *listeners: Listener, question: str) -> RunResult:
        asked.append(question)
        return run_without_ray(study, Broadcast(listeners))

    monkeypatch.setattr("studies.execution.driver_process.run", run_here)  # a process of its own takes seconds
    study = study_in(tmp_path, text=f"# Does it turn?{DIRAC}")
    first = studies.run(study, tracking=False)
    assert first.trials["state"].tolist() == ["finished", "finished"]
    folder = Path(study.ledger.root) / "studies" / "dirac"
    assert (folder / "ranking.png").is_file(), "the pictures of gan-study run"
    assert "[2/2 " in capsys.readouterr().out
    pd.testing.assert_frame_equal(studies.run(study, tracking=False).trials, first.trials)
    assert "2 of them in the ledger already" in capsys.readouterr().out
    assert asked == ["Does it turn?"] * 2


@pytest.mark.parametrize("call", [studies.plan, studies.run, services.submit])
def test_what_needs_a_study_refuses_its_name_with_how_to_read_it(call: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=r"^study: must be a Study, as studies.Study.load\(FILE\) .*, but is 'ring'$"):
        call("ring")


def test_results_are_found_by_the_study_itself(tmp_path: Path) -> None:
    study = simulate(tmp_path, lambda trial, seed: RISING).study
    ranking = studies.results(study).ranking
    pd.testing.assert_frame_equal(ranking, studies.results(study.name, root=study.ledger.root).ranking)
    one, listed = studies.compare(study, tau=1.5), studies.compare(study, tau=[1.5])
    assert one.targets == listed.targets
    assert [target.tau for target in one.targets] == [1.5]
    nothing: Any = 3
    with pytest.raises(
        InputError, match=r"^study: must be a study's name, its folder, a Study or its results, but is 3"
    ):
        studies.results(nothing)


def test_one_override_alone_is_refused_with_the_list_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^overrides: must be a list of assignments, as in \['seeds=5'\]$"):
        Study.load("ring", overrides="seeds=5")


def test_a_file_named_without_its_ending_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("seeds = 2")
    with pytest.raises(InputError, match=r"mine: no such file, .*; did you mean .*mine\.toml\?$"):
        Study.load(tmp_path / "mine")


def test_an_interruption_is_raised_and_a_limit_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = simulate(tmp_path, lambda trial, seed: RISING, trials=3)
    ends = iter([RunResult([], interrupted=True), RunResult([], interrupted=True, limit="a limit is reached")])
    monkeypatch.setattr("studies.execution.driver_process.run", lambda study, *listeners, question: next(ends))
    with pytest.raises(KeyboardInterrupt, match="the same call resumes it"):
        studies.run(unfinished.study, tracking=False)
    assert len(studies.run(unfinished.study, tracking=False).trials) == 3
    assert capsys.readouterr().out == "a limit is reached; the same call continues simulated where it stopped.\n"


def test_a_study_knows_its_file_however_the_working_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_tiny(tmp_path)
    monkeypatch.chdir(tmp_path)
    loaded = Study.load("tiny.toml", smoke=True)
    assert loaded.source == str(tmp_path / "tiny.toml")
    assert Study.load("ring").source == "ring"
    assert Study.from_table(loaded.table()).source is None
    assert Study.from_table(loaded.table()) == loaded


# -- a notebook's progress -------------------------------------------------------------------------------------------


def test_a_notebook_shows_a_bar_and_a_row_for_each_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = load_tiny(tmp_path, "search.explore=1", "search.exploit.trials=0")
    view = NotebookProgress(study, Console())
    run_pending(study, view)
    page = Elements(view.html())
    assert page.open == []
    assert page.of("progress") == [{"max": "4", "value": "4", "style": "width: 24rem; max-width: 100%"}]
    assert len(page.of("tr")) == 3
    assert "4/4 trials ended" in page.words
    assert re.findall(r"^tiny: 4 trials of 3 seeds \(4 in confirm\)$", capsys.readouterr().out, flags=re.MULTILINE)


# -- texts and HTML --------------------------------------------------------------------------------------------------


def test_texts_are_short(found: Results) -> None:
    assert repr(found) == "<Results of simulated: wgan, gan>"
    assert repr(studies.compare(found)) == "<Comparison of simulated: wgan, gan>"
    study = repr(Study.load("presets-on-ring"))
    assert study.startswith("<Study presets-on-ring: 17 conditions (gan, ")
    assert study.endswith(", 9 more), 3 seeds, 4000 generator steps>")


def test_only_the_first_of_many_names_are_listed() -> None:
    assert few_names(f"c{number}" for number in range(8)) == "c0, c1, c2, c3, c4, c5, c6, c7"
    assert few_names(f"c{number}" for number in range(10)).endswith("c7, 2 more")


def test_a_study_is_shown_as_its_conditions(tmp_path: Path) -> None:
    page = shown(load_tiny(tmp_path))
    assert len(page.of("tr")) == 3
    assert "tiny: 2 conditions (wgan, gan), 3 seeds, 8 generator steps" in page.words
    assert "training.critic_optimizer.lr: log_uniform [0.0001, 1e+30]" in page.words


def test_results_are_shown_as_answer_ranking_and_figure(found: Results) -> None:
    page, compared = shown(found), shown(studies.compare(found))
    drawn = figures.confirmed(found)
    assert drawn is not None
    for view in (page, compared):
        assert len(view.of("tr")) == 3
        assert [image["alt"] for image in view.of("img")] == [drawn.alternative]
    assert not page.of("details")
    assert len(compared.of("details")) > 2


def test_a_question_cannot_insert_elements(found: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "question", "<script>alert(1)</script> & more")
    assert "<script>alert(1)</script> & more" in shown(found).words


@pytest.mark.parametrize("trials", [0, 3, None])
def test_an_unfinished_study_and_a_failed_one_are_shown(tmp_path: Path, trials: int | None) -> None:
    page = shown(simulate(tmp_path, lambda trial, seed: (0, -0.2), trials=trials))
    assert ("No setting has been confirmed on fresh seeds yet" in page.words) == (trials is not None)
    assert bool(page.of("img")) == (trials is None)


def trained(shape: tuple[int, ...], *, bounded: bool = True, scale: float = 1.0) -> TrainedConfiguration:
    """A setting found with four untrained generators of samples of this shape."""
    network, sample_shape = MLPGenerator(width=4, depth=1, latent=2), SampleShape(shape=shape, bounded=bounded)
    members = [network.initial(sample_shape, torch.Generator().manual_seed(seed)) for seed in range(4)]
    return TrainedConfiguration(
        condition="one",
        configuration={"constraint.gp_weight": 0.123456},
        identity={
            "networks": {"generator": {"kind": "mlp", "width": 4, "depth": 1, "latent": 2}},
            "provenance": {"sources": {}},
        },
        seeds=[10, 11, 12, 13],
        shape=sample_shape,
        parameters={name: (scale * torch.stack([member[name] for member in members])).float() for name in members[0]},
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (2,), (5,)])
@pytest.mark.parametrize("scale", [1.0, np.nan])
def test_a_setting_found_is_shown_with_its_fakes(shape: tuple[int, ...], scale: float) -> None:
    setting = trained(shape, bounded=False, scale=scale)
    assert repr(setting) == "<TrainedConfiguration of one: constraint.gp_weight = 0.123; 4 seeds>"
    assert repr(replace(setting, failed=3)).endswith("4 seeds, 3 of them failed>")
    assert "3 of 4 trainings failed." in shown(replace(setting, failed=3)).words
    assert repr(setting.generator(1)) == "<TrainedGenerator of one: seed 11>"
    page = shown(setting)
    assert "trained with 4 seeds: 10, 11, 12, 13" in page.words
    assert len(page.of("img")) == (shape != (5,))


def test_fakes_of_the_first_three_seeds_are_drawn() -> None:
    drawn = figures.found_fakes(trained((2,)))
    assert drawn is not None
    assert [axis.get_title(loc="left") for axis in drawn.figure.axes] == ["seed 10", "seed 11", "seed 12"]
    assert np.asarray(drawn.figure.axes[0].collections[0].get_offsets()).shape == (500, 2)


# -- wrong arguments ---------------------------------------------------------------------------------------------------

TABLES: dict[str, Any] = {
    "name": "mine",
    "budget": {"steps": 500},
    "data": {"kind": "ring"},
    "conditions": ({"name": "wgan", "preset": "wgan", "constraint": {"clip_value": "search"}},),
}


def test_a_study_is_made_of_the_tables_of_a_file_or_of_its_text(tmp_path: Path) -> None:
    study = Study.load(TABLES, overrides=["seeds=5"])
    assert (study.name, study.seeds, study.source) == ("mine", 5, None)
    text = 'name = "mine"\nseeds = 5\nbudget.steps = 500\ndata.kind = "ring"\n[[conditions]]\nname = "wgan"\n'
    assert Study.parse(f'{text}preset = "wgan"\nconstraint.clip_value = "search"') == study
    assert Study.load({**TABLES, "seeds": 2}, smoke=True).name == "mine-smoke"
    of_numpy = {**TABLES, "seeds": np.int64(5), "budget": {"steps": np.float64(500).astype(int)}}
    assert Study.load(of_numpy) == study
    assert Study.load({**TABLES, "checkpoint": {"every_seconds": np.float32(2.5)}}).checkpoint.every_seconds == 2.5


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: Study.load({**TABLES, "seeds": {1}}),
            "seeds: must be a table, list, text or number, but is of type set",
        ),
        (
            lambda: Study.load({**TABLES, "data": {"kind": "images", "path": np.zeros((70, 8, 8))}}),
            "data.path: must be a table, list, text or number, but is of type ndarray; write it to a file",
        ),
        (
            lambda: Study.load({**TABLES, "training": {"n_critic": np.array([1, 5])}}),
            "training.n_critic: must be a table, list, text or number, but is of type ndarray; write array.tolist()",
        ),
        (lambda: Study.load({**TABLES, "seeds": None}), "seeds: must be a table, list, text or number, but is None"),
        (
            lambda: Study.load(3),  # type: ignore[arg-type]
            "source: must be the path of a study file, a name of the catalog, or a dict, but is of",
        ),
        (lambda: Study.parse({}), "text: must be the text of a study file (Study.load takes a dict or a path)"),  # type: ignore[arg-type]
        (lambda: Study.load({**TABLES, "sedes": 3}), "sedes: unknown key; did you mean seeds?"),
        (lambda: Study.load("ring", overrides=[3]), "overrides: must be a list of assignments"),  # type: ignore[list-item]
        (lambda: Study.load("ring", overrides=None), "overrides: must be a list of assignments"),  # type: ignore[arg-type]
        (lambda: Study(**TABLES), "budget: must be an object, but is a table; Study.load takes the tables"),
    ],
)
def test_wrong_arguments_of_a_study_get_one_sentence(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}"):
        call()


@pytest.mark.parametrize("tau", [-1.0, "0.1", ["0.1"], float("nan"), [0.1, 0.0]])
def test_target_distances_are_finite_and_positive(found: Results, tau: Any) -> None:
    with pytest.raises(InputError, match=r"^tau: must be finite distances > 0, but is "):
        studies.compare(found, tau=tau)


def test_a_method_that_a_study_has_not_names_the_function(found: Results) -> None:
    with pytest.raises(AttributeError, match=r"^a Study has no attribute 'run'; studies.run\(study\) does it$"):
        _ = found.study.run  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"services.submit\(study\) does it$"):
        _ = found.study.submit  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"^a Study has no attribute 'sedes'$"):
        _ = found.study.sedes  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"^Results has no attribute 'pairs'; studies.compare has the tables"):
        _ = found.pairs  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"^Results has no attribute 'trial'; did you mean trials\?$"):
        _ = found.trial  # type: ignore[attr-defined]
    assert copy.deepcopy(found.study) == found.study


def test_a_missing_folder_of_an_exported_file_is_named(found: Results, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused:
        studies.export_optuna(found, tmp_path / "missing" / "search.db")
    assert refused.value.filename == str(tmp_path / "missing")


def test_a_generator_is_not_exported_into_a_file(found: Results, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^folder: must be a folder, but .*file is a file$"):
        studies.export_generator(found, "wgan", tmp_path / "file")


# -- printed text ----------------------------------------------------------------------------------------------------


def test_what_is_printed_is_what_the_commands_print(found: Results) -> None:
    compared = studies.compare(found)
    assert str(compared) == verdict_text.text([compared]).rstrip()
    lead = sentences(answer(compared))
    assert lead
    assert all(line in str(found).splitlines() for line in lead)
    assert str(found).splitlines()[0].strip() == "simulated: the setting found for each condition, on 4 fresh seeds"


def test_a_printed_plan_has_its_table_and_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # costs that are measured here would be cached for the other tests
    monkeypatch.setattr("studies.forecast.calibration._measured", lambda requests, processes, cache: iter(()))
    text = str(studies.plan(study_in(tmp_path)))
    assert "tiny, " in text.splitlines()[0]
    assert "The ledger has none of the" in text


def test_a_study_without_confirm_phase_has_no_setting_found(tmp_path: Path) -> None:
    study = study_in(tmp_path, "search.explore=1", "search.exploit.trials=0", "search.confirm.best=0")
    run_without_ray(study)
    with pytest.raises(InputError, match=r"^wgan: has no setting found, since the study has no confirm phase"):
        studies.results(study).best("wgan")
