"""The paper's text states the numbers of the record, cites what was used, and is valid LaTeX."""

import re
import sys
from itertools import count
from pathlib import Path

import pytest
from mapped import mapped
from simulated import RISING, simulate
from tiny import DIRAC, run_without_ray, study_in

import studies
from gan_core.citations import BIBTEX
from studies.analysis.comparison import Comparison
from studies.locate import results
from studies.reporting.paper import Paper, references
from studies.reporting.paper.paper_tables import TABLES
from studies.tables.results import Results


def paper_of(found: Results) -> Paper:
    return Paper.of(Comparison(found))


def cited(paper: Paper) -> set[str]:
    text = "\n".join([paper.methods, *paper.tables.values()])
    return {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}


def entries(bibtex: str) -> list[str]:
    return re.findall(r"^@\w+\{([^,]*),$", bibtex, flags=re.MULTILINE)


def assert_valid(source: str) -> None:
    """Braces and environments are balanced, nothing special is left as it is, rows have as many cells as columns."""
    plain = re.sub(r"\\[\\{}&%$#_]", "", source)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0
    names = re.sub(r"\\(label|ref|cite)\{[^}]*\}", "", plain)
    assert "#" not in names
    assert not re.search(r"(?<!^)%", names, flags=re.MULTILINE)
    assert not re.search(r"_", re.sub(r"\$[^$]*\$", "", names))
    begun, ended = (re.findall(rf"\\{word}\{{(\w+)\}}", source) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    for aligned, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", source, flags=re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(aligned)}


def assert_whole(paper: Paper) -> None:
    assert_valid(paper.methods)
    for table in paper.tables.values():
        assert_valid(table)
    keys = entries(paper.references)
    assert keys == sorted(cited(paper))
    assert set(re.findall(r"\\ref\{([^}]*)\}", paper.methods)) <= {
        label for table in paper.tables.values() for label in re.findall(r"\\label\{([^}]*)\}", table)
    }
    assert "None" not in paper.methods
    assert "  " not in paper.methods


@pytest.fixture(scope="module")
def tiny_paper(finished_root: Path) -> Paper:
    return paper_of(results("tiny", root=finished_root))


def test_methods_state_the_numbers_of_the_record(tiny_paper: Paper) -> None:
    found = tiny_paper.methods
    for fact in (
        "997 training, 400 validation and 400 test samples",
        r"\texttt{wgan} (Wasserstein objective~\cite{arjovsky2017}, weight clipping~\cite{arjovsky2017} with searched",
        "1 hidden layer of 12 units",
        "standard normal with 4 coordinates",
        "for 36 generator steps with batches of 8 real",
        "36 generator steps and 36 to 108 critic steps",
        "we drew 3 configurations at random",
        "(random seed 0)",
        r"except that \texttt{n\_critic} took the listed values in turn",
        "Each configuration was trained with 2 seeds",
        r"suggested 1 further configuration per condition, in batches of 1",
        "within 0.02 of the largest",
        "trained again with 3 fresh seeds",
        "6 times during it",
        "with 64 generated samples",
        "over 16 fixed random directions",
        "medians over the last 3 of the 6 evaluations",
        "below 50\\% of the best progress",
        "the best progress was below 0.1",
        "adjusted for 1 pair by Holm's",
        "In total 22 GANs were trained in 10 trials",
    ):
        assert fact in found


def test_references_are_exactly_what_the_text_cites(
    tiny_paper: Paper, on_ring: Results, on_images: Results, finished_root: Path
) -> None:
    for paper in (tiny_paper, paper_of(on_ring), paper_of(on_images)):
        assert_whole(paper)
    assert tiny_paper.references == references(Comparison(results("tiny", root=finished_root)))


def test_every_part_and_method_that_was_used_is_cited(tiny_paper: Paper, on_ring: Results, on_images: Results) -> None:
    tiny, ring, images = (cited(paper) for paper in (tiny_paper, paper_of(on_ring), paper_of(on_images)))
    assert {"goodfellow2014", "arjovsky2017", "alpaydin1998", "rabin2012", "he2015"} <= tiny
    assert {"bergstra2011", "akiba2019", "brunner2000", "neubert2007", "holm1979", "wilson1927", "agarwal2021"} <= tiny
    assert {"paszke2019", "moritz2018", "gan-studies"} <= tiny
    assert {"lin2018", "villani2009", "srivastava2017", "lin1991"} <= ring
    assert {"radford2016", "heusel2017", "naeem2020", "binkowski2018"} <= images


def test_what_was_not_used_is_not_cited(tiny_paper: Paper, on_ring: Results) -> None:
    tiny, ring = cited(tiny_paper), cited(paper_of(on_ring))
    assert not {"radford2016", "gulrajani2017", "lin2018", "lourie2023", "janssen1997", "barlow1972"} & tiny
    assert not {"bergstra2011", "akiba2019", "alpaydin1998", "naeem2020"} & ring
    assert {"tieleman2012", "loshchilov2017", "rice1984"} <= BIBTEX.keys() - tiny - ring


def test_versions_are_those_of_the_record(finished_root: Path) -> None:
    found = results("tiny", root=finished_root)
    found.environment = {"versions": {"gan-studies": "9.8.7", "torch": "7.6", "ray": None}}
    paper = paper_of(found)
    assert "gan-studies 9.8.7~\\cite{gan-studies}" in paper.methods
    assert "PyTorch 7.6~" in paper.methods
    assert "Ray" not in paper.methods
    assert "note = {Version 9.8.7}" in paper.references


def test_the_ranking_has_the_digits_that_its_intervals_support(tmp_path: Path) -> None:
    found = simulate(tmp_path, lambda trial, seed: (*RISING, 0.9 + 0.001 * seed % 0.01))
    ranking = paper_of(found).tables["ranking"]
    (row,) = [line for line in ranking.splitlines() if line.startswith(r"\texttt{gan}")]
    frame = found.ranking.set_index("condition").loc["gan"]
    decimals = len(row.split(" & ")[1].partition(".")[2])
    half = (frame["distance_high"] - frame["distance_low"]) / 2
    assert 10 <= half * 10**decimals < 100
    assert f"[{frame['distance_low']:.{decimals}f}, {frame['distance_high']:.{decimals}f}]" in row
    assert "0 of 4" in row


def test_a_distance_is_bold_only_if_it_is_decided(tmp_path: Path) -> None:
    def apart(trial, seed):
        return (*RISING, 0.95 if trial.condition == "wgan" else 0.8)

    def equal(trial, seed):
        return (*RISING, 0.9)

    for number, (law, bold) in enumerate([(apart, 1), (equal, 0)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = simulate(folder, law, "search.confirm.seeds=8")
        assert paper_of(found).tables["ranking"].count(r"\textbf{") == bold


def test_an_unfinished_study_says_what_is_missing(tmp_path: Path) -> None:
    found = simulate(tmp_path, lambda trial, seed: RISING, trials=5)
    paper = paper_of(found)
    assert paper.missing == "This study is not finished: 1 explore trial and 2 confirm trials have not ended."
    assert rf"\emph{{{paper.missing}}}" in paper.methods
    assert "ranking" not in paper.tables
    assert "Brunner" not in paper.methods
    assert_whole(paper)


def test_a_study_without_a_finished_trial_has_methods(tmp_path: Path) -> None:
    paper = paper_of(simulate(tmp_path, lambda trial, seed: RISING, trials=0))
    assert "In total 0 GANs were trained in 0 trials" in paper.methods
    assert r"\paragraph{Statistics.}" not in paper.methods
    assert_whole(paper)


def test_trainings_that_ended_without_a_result_are_counted(tmp_path: Path) -> None:
    ends = {0: None, 1: "out_of_memory", 2: None}

    def law(trial, seed):
        if trial.phase == "explore" and trial.condition == "wgan":
            return ends[trial.index]
        return (*RISING, 0.9)

    methods = paper_of(simulate(tmp_path, law)).methods
    assert "The training of 3 configurations (out of memory: 1 and error: 2) ended without a result" in methods


def test_the_ranking_at_equal_critic_steps_is_there_where_critic_steps_differ(tmp_path: Path) -> None:
    paper = paper_of(simulate(tmp_path, lambda trial, seed: (*RISING, 0.9)))
    rows = [line for line in paper.tables["equal_critic_steps"].splitlines() if line.startswith(r"\texttt")]
    assert [row.rstrip(" \\").split(" & ")[-1] for row in rows] == ["20", "20"]
    assert "The ranking was computed again" in paper.methods
    assert_whole(paper)


def test_a_finished_study_misses_nothing(tiny_paper: Paper) -> None:
    assert tiny_paper.missing == ""
    assert "not finished" not in tiny_paper.methods


def test_maps_and_profiles_and_methods_under_search_have_their_sentences(tmp_path: Path) -> None:
    assert_whole(on_map := paper_of(mapped(tmp_path)))
    assert r"the 12 cells of a map with $3 \times 4$ cells" in on_map.methods
    assert "rice1984" in entries(on_map.references)
    folder = tmp_path / "searched"
    folder.mkdir()
    numbers = count()
    confirm = ("search.confirm.authors=true", "search.confirm.path=true")
    overrides = ("search.explore=20", "search.profile=4", "search.stratified=false", *confirm)
    found = simulate(folder, lambda trial, seed: (*RISING, 0.8 + next(numbers) % 7 / 50), *overrides)
    paper = paper_of(found)
    assert_whole(paper)
    assert {"search_pairs", "stable_ranges", "tuning", "volumes", "importances", "paths"} <= paper.tables.keys()
    assert {"watanabe2023", "fawcett2016"} <= set(entries(paper.references))
    assert "after which the score of 2 further seeds on the validation split was largest" in paper.methods
    assert {"lourie2023", "dodge2019", "janssen1997", "barlow1972", "mcnemar1947"} <= set(entries(paper.references))
    assert "The draws are independent." in paper.methods
    assert "mckay1979" not in entries(paper.references)
    assert "moved alone to 4 values" in paper.methods
    assert "We trained" not in paper.methods
    assert "the settings of the methods' authors~\\cite{arjovsky2017,goodfellow2014,radford2016}" in paper.methods


def test_the_dirac_pair_has_words_of_its_own(tmp_path: Path) -> None:
    study = study_in(tmp_path, text=DIRAC)
    run_without_ray(study)
    paper = paper_of(results(study.name, root=study.ledger.root))
    assert_whole(paper)
    assert r"a point mass at $\theta$, against the critic $x \mapsto \psi x$~\cite{mescheder2018}" in paper.methods
    assert "from $\\theta$ = 1 and $\\psi$ = $-1$." in paper.methods
    assert "Order of updates: simultaneous." in paper.methods
    assert "Collapsed" not in paper.methods
    assert "stochastic gradient descent (momentum 0, learning rate 0.2)" in paper.methods
    assert "No hyperparameter was searched" in paper.methods


OWN = '''
from dataclasses import dataclass

from gan_core import MLPGenerator, Wasserstein


@dataclass(frozen=True, kw_only=True)
class Tilted_Loss(Wasserstein):
    """A user's objective."""

    tilt: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Halved(MLPGenerator):
    """A user's generator."""
'''


def test_parts_of_the_users_own_are_named_by_their_class(tmp_path: Path) -> None:
    (tmp_path / "paper_parts.py").write_text(OWN)
    text = """
name = "own"
budget = {unit = "generator_steps", steps = 20}
search = {explore = 1, exploit = {trials = 0}, confirm = {best = 0}}
networks.generator = {kind = "paper_parts:Halved", width = 8}

[[conditions]]
name = "tilted"
objective = {kind = "paper_parts:Tilted_Loss", tilt = {uniform = [0, 1]}}
"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.path", [*sys.path])
        paper = paper_of(simulate(tmp_path, lambda trial, seed: RISING, text=text))
    assert_whole(paper)
    assert (
        r"the objective \texttt{paper\_parts:Tilted\_Loss} of the authors of this study with searched tilt"
        in paper.methods
    )
    assert r"The generator was the class \texttt{paper\_parts:Halved} of the authors of this study" in paper.methods
    assert "settings found" not in paper.methods


@pytest.mark.parametrize("name", ["segments", "norm-or-penalty"])
def test_a_study_that_ships_has_methods(tmp_path: Path, name: str) -> None:
    text = (Path(studies.__file__).parent / "catalog" / f"{name}.toml").read_text()
    assert_whole(paper_of(simulate(tmp_path, lambda trial, seed: RISING, text=text, trials=0)))


def test_odd_names_are_escaped(tmp_path: Path) -> None:
    text = """
name = "odd_names"
seeds = 1
budget = {unit = "generator_steps", steps = 20}
search = {explore = 2, exploit = {trials = 0}, confirm = {best = 1, seeds = 2}}
training.critic_optimizer.lr = {choice = [1e-5, 0.002]}

[[conditions]]
name = "w_gan_1.5"
objective.kind = "wasserstein"

[conditions.constraint]
kind = "gradient_penalty"
location = {choice = ["real_and_fake", "around_real"]}
every = {choice = [1, 2]}
"""
    found = simulate(tmp_path, lambda trial, seed: RISING, text=text)
    paper = paper_of(found)
    assert_whole(paper)
    assert r"\texttt{w\_gan\_1.5}" in paper.methods
    assert r"one of \texttt{real\_and\_fake}, \texttt{around\_real}" in paper.tables["searched"]
    assert r"$10^{-5}$, 0.002" in paper.tables["searched"]
    assert {"gulrajani2017", "mescheder2018", "kodali2017"} <= set(entries(paper.references))


def test_the_paper_is_written_into_a_folder(tiny_paper: Paper, tmp_path: Path) -> None:
    tiny_paper.write(tmp_path / "new")
    assert (tmp_path / "new" / "methods.tex").read_text() == tiny_paper.methods
    assert (tmp_path / "new" / "references.bib").read_text() == tiny_paper.references
    tables = {path.stem: path.read_text() for path in (tmp_path / "new" / "tables").iterdir()}
    assert tables == tiny_paper.tables
    assert tables.keys() <= TABLES.keys()


def test_python_users_get_the_same(finished_root: Path, tiny_paper: Paper) -> None:
    assert studies.paper("tiny", root=finished_root) == tiny_paper
