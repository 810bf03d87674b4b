"""`gan-study compare` and `gan-study report`: printed text, files, JSON, Markdown, and bad input."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest
from simulated import REFERENCE_DISTANCES, RISING, STUDY, simulate

from services.cli.app import main
from studies.analysis import robustness
from studies.analysis.comparison import Comparison
from studies.analysis.cross_study import CROSS_STUDY_RANKING, PROFILE, cross_study_ranking, performance_profile
from studies.locate import results
from studies.reporting.page.page_text import TABLES
from studies.reporting.terminal.ranking_table import markdown
from studies.reporting.text.sentences import sentences
from studies.reporting.text.several_studies import (
    DifferentBudgets,
    DifferentData,
    NoRankingsToCompare,
    NothingConfirmedIn,
    PerformanceProfileRule,
    RankedInAll,
    RatiosInAllStudies,
    SmallestInStudies,
    several_studies,
)
from studies.reporting.text.verdict import verdict

LR = "training.critic_optimizer.lr"


@pytest.fixture(autouse=True, scope="module")
def _two_variants_of_the_rules():
    """Other tests are about every threshold; all variants would take half of the time here."""
    only_near = dict.fromkeys(robustness.ALTERNATIVES, ()) | {"near": (0.5, 0.75, 0.9)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(robustness, "ALTERNATIVES", only_near)
        yield


def progress_of(trial, seed):
    works = trial.configuration.get(LR, 0) < 1e-3
    return (*RISING, 0.92 if trial.condition == "gan" else 0.9) if works else (0, -0.2)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A ledger with four studies.

    `one`; `other` on other data, with a condition in common; `alone`, with none in common; `waiting`, interrupted.
    """
    folder = tmp_path_factory.mktemp("compare")
    simulate(folder, progress_of, "name='one'")
    ring = STUDY.replace('name = "gan"', 'name = "gan-ring"').replace("[training]", 'data.kind = "ring"\n[training]', 1)
    simulate(folder, progress_of, "name='other'", "budget.steps=40", text=ring)
    own = STUDY[: STUDY.rindex("[[conditions]]")].replace('name = "wgan"', 'name = "own"')
    simulate(folder, progress_of, "name='alone'", text=own)
    simulate(
        folder, progress_of, "name='waiting'", "training.batch=32", trials=2
    )  # another batch, else the trials are those of `one`
    return folder / "ledger"


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gan-study", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as exit_:
            return exit_.code or 0, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run


def comparison(root, name, **options):
    return Comparison(results(name, root=root), **options)


# --- one study


def test_the_terminal_shows_the_ranking_the_tables_and_every_sentence(call, root):
    code, out, err = call("compare", "one", "--root", root)
    assert (code, err) == (0, "")
    for topic in verdict(comparison(root, "one")):
        assert topic.title in out
        for sentence in topic.sentences:
            assert sentence in out
    assert "one: random settings that work, see the rule below the table" in out
    shares, answers = out.index("one: random settings that work"), out.index("\nAnswer\n")
    assert shares < out.index("A setting works if all 2 of its seeds are stable and end within 0.100") < answers


def test_undecided_pairs_are_listed_under_the_ranking(call, root, tmp_path):
    def equal(trial, seed):
        return (*RISING, 0.9 + 0.01 * (seed % 5))

    simulate(tmp_path, equal, "name='equal'")
    out = call("compare", "equal", "--root", tmp_path / "ledger")[1]
    first, second = comparison(tmp_path / "ledger", "equal").ranking["condition"]
    assert f"Undecided pairs, whose order may be due to chance: {first} and {second}.\n" in out
    clear = tmp_path / "clear"
    clear.mkdir()
    simulate(clear, progress_of, "name='clear'", "search.confirm.seeds=8")
    assert "Undecided pairs" not in call("compare", "clear", "--root", clear / "ledger")[1]


def test_the_legend_explains_only_cells_that_occur(call, root, tmp_path):
    out = call("compare", "one", "--root", root)[1]
    assert "without a working setting" not in out
    assert '"At least"' not in out
    simulate(tmp_path, lambda trial, seed: (0, -0.2), "name='failed'")
    out = call("compare", "failed", "--root", tmp_path / "ledger")[1]
    assert "none (failed)" in out
    assert "2 conditions without a working setting have neither distance nor rank: more than a quarter of their" in out
    assert '"At least"' not in out


def test_an_output_file_has_the_printed_text(call, root, tmp_path):
    printed = call("compare", "one", "--root", root)[1]
    assert call("compare", "one", "--root", root, "--output", "verdict")[1] == ""
    assert (tmp_path / "verdict").read_text().split() == printed.split()


def test_json_holds_the_tables_to_the_last_digit(call, root):
    code, out, _ = call("compare", "one", "--root", root, "--json")
    content = json.loads(out)
    (one,) = content["studies"]
    compared = comparison(root, "one")
    assert (code, one["study"], one["data"]) == (0, "one", "digits")
    assert one["reference_distances"] == REFERENCE_DISTANCES["test"]
    assert one["verdict"] == [{"title": t.title, "sentences": list(t.sentences)} for t in verdict(compared)]
    assert list(one["tables"]) == list(TABLES)
    for name, rows in one["tables"].items():
        frame = compared.results.ranking if name == "ranking" else getattr(compared, name)
        plain = frame.astype("object").where(frame.notna(), None).to_dict("records")
        assert rows == [{key: getattr(v, "item", lambda v=v: v)() for key, v in row.items()} for row in plain]
    assert content["together"]["sentences"] == []


def test_markdown_holds_every_sentence_and_every_table(call, root):
    out = call("compare", "one", "--root", root, "--format", "markdown")[1]
    compared = comparison(root, "one")
    for topic in verdict(compared):
        assert f"## {topic.title}\n\n* {topic.sentences[0]}" in out
    for name, described in TABLES.items():
        frame = compared.results.ranking if name == "ranking" else getattr(compared, name)
        assert (f"## {described.title}\n\n{described.caption}\n\n{markdown(frame)}" in out) == (len(frame) > 0)


def test_target_distances_can_be_given(call, root):
    out = call("compare", "one", "--root", root, "--tau", "0.5", "--tau", "0.5", "--json")[1]
    (one,) = json.loads(out)["studies"]
    assert [row["tau"] for row in one["tables"]["volumes"]] == [0.5, 0.5]
    assert "within 0.500 of the real data" in one["verdict"][0]["sentences"][1]


def test_a_study_that_is_not_confirmed_yet_shows_its_shares(call, root):
    code, out, err = call("compare", "waiting", "--root", root)
    assert (code, err) == (0, "")
    assert "No setting has been confirmed on fresh seeds yet." in out
    assert "Share of settings that work" in out


# --- several


def test_studies_with_different_data_and_budgets_are_said_to_have_them(root):
    data, budgets, ranked = several_studies([comparison(root, name) for name in ("one", "other")])
    assert data == DifferentData(data=(("digits", "one"), ("ring", "other")))
    assert isinstance(budgets, DifferentBudgets)
    assert [(budget.steps, study) for budget, study in budgets.budgets] == [(20, "one"), (40, "other")]
    assert ranked == RankedInAll(studies=2, conditions=("wgan",))


def test_studies_without_a_condition_in_common_have_no_profile(call, root):
    code, out, err = call("compare", "one", "alone", "--root", root)
    assert (code, err) == (0, "")
    assert "Both studies use the same data (digits)." in out
    assert "No condition is ranked in every study, so there is no performance profile." in out


def test_a_study_that_is_not_confirmed_is_left_out_by_name(root):
    *_, left_out, last = several_studies([comparison(root, name) for name in ("one", "waiting")])
    assert left_out == NothingConfirmedIn(studies=("waiting",))
    assert last == NoRankingsToCompare()


def test_json_of_several_studies_holds_their_sentences_and_tables(call, root):
    content = json.loads(call("compare", "one", "other", "--root", root, "--json")[1])
    compared = [comparison(root, name) for name in ("one", "other")]
    assert [one["study"] for one in content["studies"]] == ["one", "other"]
    assert content["together"]["sentences"] == list(sentences(several_studies(compared)))
    rows = pd.DataFrame(content["together"]["tables"]["together"]).astype(CROSS_STUDY_RANKING)
    pd.testing.assert_frame_equal(rows, cross_study_ranking(compared), check_exact=True)


def ranking_of_studies(**distances):
    """The table of several studies, with the distance of each condition in each study (None: not in that study)."""
    rows = [
        {"condition": name, "study": f"s{i}", "data": "digits", "rank": 1, "distance": by_study[i], "ratio": 1.0}
        | {"progress": 0.9, "failure_rate": 0.0, "members": 4}
        for i in range(len(next(iter(distances.values()))))
        for name, by_study in distances.items()
        if by_study[i] is not None
    ]
    return pd.DataFrame(rows)[list(CROSS_STUDY_RANKING)].astype(CROSS_STUDY_RANKING)


def test_a_profile_counts_the_studies_within_a_ratio_of_the_best_shared_condition():
    # a and b: 1 and 1.2, failed and 3, 2 and 1; c is not in the last study, so its 0.1 is not the smallest distance
    nan = float("nan")
    table = performance_profile(ranking_of_studies(a=[1.0, nan, 2.0], b=[1.2, 3.0, 1.0], c=[0.1, 0.1, None]))
    assert table.dtypes.astype(str).to_dict() == PROFILE
    shares = table.set_index(["condition", "ratio"])["share"]
    assert set(table["condition"]) == {"a", "b"}
    assert shares["a"].to_dict() == pytest.approx({1: 1 / 3, 1.1: 1 / 3, 1.25: 1 / 3, 1.5: 1 / 3, 2: 2 / 3, 4: 2 / 3})
    assert shares["b"].to_dict() == pytest.approx({1: 2 / 3, 1.1: 2 / 3, 1.25: 1, 1.5: 1, 2: 1, 4: 1})


def test_a_distance_of_zero_is_the_smallest_and_no_other_is_a_multiple_of_it():
    table = performance_profile(ranking_of_studies(a=[0.0], b=[0.1])).set_index(["condition", "ratio"])["share"]
    assert table["a"].tolist() == [1.0] * 6
    assert table["b"].tolist() == [0.0] * 6


def test_the_findings_on_a_profile_count_smallest_distances_and_bound_ratios(root, tmp_path):
    simulate(tmp_path, progress_of, "name='longer'", "budget.steps=40")
    longer = comparison(tmp_path / "ledger", "longer")
    *_, definition, smallest, bound = several_studies([comparison(root, "one"), longer])
    assert definition == PerformanceProfileRule()
    assert smallest == SmallestInStudies(conditions=(("gan", 2),), studies=2)
    assert bound == RatiosInAllStudies(conditions=(("gan", 1.0), ("wgan", 1.1)))


def test_an_interval_that_reaches_into_failed_seeds_is_at_least_its_lower_end(call, tmp_path):
    def fails_on_some_seeds(trial, seed):
        return (0, -0.2) if trial.phase == "confirm" and seed % 10 < 2 else (*RISING, 0.95)

    simulate(tmp_path, fails_on_some_seeds, "name='some'", "search.confirm.seeds=8")
    out = call("compare", "some", "--root", tmp_path / "ledger")[1]
    assert "at least 1.100" in out
    assert (
        'An interval "at least" has no upper end, since too many seeds failed in at least 2.5% of the resamples.' in out
    )
    assert "to failed" not in out


# --- bad input


@pytest.mark.parametrize("command", ["compare", "report"])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["onee"], "onee: there is no such study in {root}; did you mean one?"),
        (["one", "--tau", "0"], "--tau: must be a finite distance > 0, but is 0"),
        (["one", "--tau", "nan"], "--tau: must be a finite distance > 0, but is nan"),
        (["one", "--tau", "inf"], "--tau: must be a finite distance > 0, but is inf"),
        (["one", "--tau", "-0.1"], "--tau: must be a finite distance > 0, but is -0.1"),
        (["one", "--output", "."], "--output: must be a file, but . is a folder"),
        (["one", "--output", "no/page"], "--output: cannot write no/page, since there is no folder no"),
    ],
)
def test_bad_input_is_one_sentence(call, root, tmp_path, command, arguments, complaint):
    code, out, err = call(command, *arguments, "--root", root)
    assert (code, out) == (2, "")
    assert err == f"gan-study: {complaint.format(root=root)}\n"
    assert os.listdir(tmp_path) == []


def test_a_study_is_refused_twice_however_it_is_given(call, root, tmp_path):
    twice = call("compare", "one", root / "studies" / "one", "--root", root)
    assert twice[0] == 2
    assert twice[2] == f"gan-study: {root / 'studies' / 'one'}: must be another study, but one is given twice\n"
    assert call("compare", "one", "one", "--root", root)[2].endswith("one is given twice\n")
    simulate(tmp_path, progress_of, "name='one'", trials=0)
    namesake = call("compare", "one", tmp_path / "ledger" / "studies" / "one", "--root", root)
    assert (namesake[0], namesake[2].count("\n")) == (2, 1)
    assert namesake[2].endswith("two of the studies are called one\n")


def test_a_server_that_refuses_is_the_users_input_to_mend_in_one_sentence(call, monkeypatch):
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(401)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, out, err = call("compare", "one", "--tracking", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "HTTP 401" in err
    assert "MLFLOW_TRACKING_USERNAME" in err
