"""`gan-study compare` and `report`, as somebody at a terminal or a program meets them."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest
from simulated import LINES, RISING, STUDY, simulate

from services.cli import main
from services.display import markdown
from studies.comparison import Comparison, profile, robustness, together
from studies.comparison.together import PROFILE, TOGETHER
from studies.report.words import TABLES
from studies.results import results
from studies.verdict import several, verdict

LR = "training.critic_optimizer.lr"


@pytest.fixture(autouse=True, scope="module")
def _two_other_thresholds():
    """That each is changed has tests of its own, and takes half of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(robustness, "LADDERS", dict.fromkeys(robustness.LADDERS, ()) | {"near": (0.5, 0.75, 0.9)})
        yield


def fate(planned, seed):
    good = planned.configuration.get(LR, 0) < 1e-3
    return (*RISING, 0.92 if planned.condition == "gan" else 0.9) if good else (0, -0.2)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A ledger with three studies: `one`, `other` on other data with a condition in common, and `alone` with none."""
    folder = tmp_path_factory.mktemp("compare")
    simulate(folder, fate, "name='one'")
    ring = STUDY.replace('name = "gan"', 'name = "gan-ring"').replace("[training]", 'data.kind = "ring"\n[training]', 1)
    simulate(folder, fate, "name='other'", "budget.steps=40", text=ring)
    lonely = STUDY[: STUDY.rindex("[[conditions]]")].replace('name = "wgan"', 'name = "own"')
    simulate(folder, fate, "name='alone'", text=lonely)
    simulate(folder, fate, "name='waiting'", "training.batch=32", trials=2)  # else its trials are those of `one`
    return folder / "ledger"


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def answer(*arguments):
        monkeypatch.setattr(sys, "argv", ["gan-study", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        return code or 0, *capsys.readouterr()

    return answer


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
    assert "how far a knob may be turned" in out


def test_a_file_gets_what_is_printed(call, root, tmp_path):
    printed = call("compare", "one", "--root", root)[1]
    assert call("compare", "one", "--root", root, "--output", "said")[1] == ""
    assert (tmp_path / "said").read_text().split() == printed.split()


def test_json_holds_the_tables_to_the_last_digit(call, root):
    code, out, _ = call("compare", "one", "--root", root, "--json")
    content = json.loads(out)
    (one,) = content["studies"]
    compared = comparison(root, "one")
    assert (code, one["study"], one["data"]) == (0, "one", "digits")
    assert one["lines"] == LINES["confirm"]
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
    for name, told in TABLES.items():
        frame = compared.results.ranking if name == "ranking" else getattr(compared, name)
        assert (f"## {told.title}\n\n{told.caption}\n\n{markdown(frame)}" in out) == (len(frame) > 0)


def test_given_distances_are_what_is_told(call, root):
    out = call("compare", "one", "--root", root, "--tau", "0.5", "--tau", "0.5", "--json")[1]
    (one,) = json.loads(out)["studies"]
    assert [row["tau"] for row in one["tables"]["volumes"]] == [0.5, 0.5]
    assert "within 0.500 of the real data" in one["verdict"][0]["sentences"][0]


def test_a_study_without_a_confirm_phase_shows_what_it_has(call, root):
    code, out, err = call("compare", "waiting", "--root", root)
    assert (code, err) == (0, "")
    assert "Nothing is confirmed yet; " in out
    assert "Stable without tuning" in out


# --- several


def test_studies_that_learn_different_data_are_said_to(root):
    sentences = several([comparison(root, name) for name in ("one", "other")])
    assert sentences == (
        "The studies learn different data (one learns digits and other learns ring): distances have no common unit, so "
        "only ratios and progress can be compared.",
        "Their budgets differ: 20 generator steps in one and 40 generator steps in other.",
        "Both studies rank wgan; conditions are matched by name, so what they set and search may differ.",
    )


def test_studies_without_a_condition_in_common_are_said_to_have_none(call, root):
    code, out, err = call("compare", "one", "alone", "--root", root)
    assert (code, err) == (0, "")
    assert "Both studies learn the same data, digits." in out
    assert "No condition is ranked in all of them, so there is no performance profile." in out


def test_a_study_that_is_not_confirmed_is_left_out_by_name(root):
    sentences = several([comparison(root, name) for name in ("one", "waiting")])
    assert "Nothing is confirmed in waiting, which so is left out of what follows." in sentences
    assert sentences[-1].startswith("Fewer than two studies have a ranking")


def test_json_of_several_holds_what_they_say_together(call, root):
    content = json.loads(call("compare", "one", "other", "--root", root, "--json")[1])
    compared = [comparison(root, name) for name in ("one", "other")]
    assert [one["study"] for one in content["studies"]] == ["one", "other"]
    assert content["together"]["sentences"] == list(several(compared))
    rows = pd.DataFrame(content["together"]["tables"]["together"]).astype(TOGETHER)
    pd.testing.assert_frame_equal(rows, together(compared), check_exact=True)


def joined(**ratios):
    """The table of studies in which these conditions have these distances."""
    rows = [
        {"condition": name, "study": f"s{i}", "data": "digits", "rank": 1, "distance": found, "ratio": 1.0}
        | {"progress": 0.9, "failure_rate": 0.0, "members": 4}
        for i in range(len(next(iter(ratios.values()))))
        for name, distances in ratios.items()
        if (found := distances[i]) is not None
    ]
    return pd.DataFrame(rows)[list(TOGETHER)].astype(TOGETHER)


def test_a_profile_counts_the_studies_within_a_ratio_of_the_best_shared_condition():
    # a, b: 1, 1.2 / failed, 3 / 2, 1; c is not in the last study, so nobody is held against its .1
    nan = float("nan")
    table = profile(joined(a=[1.0, nan, 2.0], b=[1.2, 3.0, 1.0], c=[0.1, 0.1, None]))
    assert table.dtypes.astype(str).to_dict() == PROFILE
    shares = table.set_index(["condition", "ratio"])["share"]
    assert set(table["condition"]) == {"a", "b"}
    assert shares["a"].to_dict() == pytest.approx({1: 1 / 3, 1.1: 1 / 3, 1.25: 1 / 3, 1.5: 1 / 3, 2: 2 / 3, 4: 2 / 3})
    assert shares["b"].to_dict() == pytest.approx({1: 2 / 3, 1.1: 2 / 3, 1.25: 1, 1.5: 1, 2: 1, 4: 1})


def test_a_distance_of_nothing_is_the_best_and_no_other_is_a_multiple_of_it():
    table = profile(joined(a=[0.0], b=[0.1])).set_index(["condition", "ratio"])["share"]
    assert table["a"].tolist() == [1.0] * 6
    assert table["b"].tolist() == [0.0] * 6


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
    simulate(tmp_path, fate, "name='one'", trials=0)
    namesake = call("compare", "one", tmp_path / "ledger" / "studies" / "one", "--root", root)
    assert (namesake[0], namesake[2].count("\n")) == (2, 1)
    assert namesake[2].endswith("two of them are called one\n")


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
