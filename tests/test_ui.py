import json
import re
import shutil
import signal
import subprocess
import urllib.request
from time import monotonic

import pytest
from recorded import QUESTION, call, command, load_tiny, play, surroundings
from servers import free_port

from studies.comparison import Comparison
from studies.results import results
from studies.tracking.connection import mlflow_module
from studies.tracking.tracker import sync
from studies.verdict import answer

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with a study and MLflow's default store, as gan-study run leaves it."""
    folder = tmp_path_factory.mktemp("ui")
    study = load_tiny(folder)
    play(study)
    uri = f"sqlite:///{folder}/mlflow.db"
    client = mlflow_module().MlflowClient(uri)
    client.create_experiment("tiny", artifact_location=str(folder / "mlruns"))
    sync(results("tiny", root=study.ledger.root), uri)
    return folder


@pytest.fixture(scope="module")
def opened(recorded):
    """What gan-study ui printed, while it serves."""
    process = subprocess.Popen(
        command("ui"), cwd=recorded, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process.stdout as output:
        lines = []
        while not (lines and lines[-1].startswith("Ctrl-C")):
            lines.append(output.readline())
            assert lines[-1], "".join(lines)
        yield "".join(lines)
        process.send_signal(signal.SIGINT)
        started = monotonic()
        assert process.wait(timeout=60) == 0
        assert monotonic() - started < 30


@pytest.fixture(scope="module")
def page(opened):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 950})
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def address_in(opened):
    return re.search(r"http://127\.0\.0\.1:\d+", opened).group()


def run_page(address, name):
    wanted = {"experiment_ids": ["1"], "max_results": 100}
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/runs/search",
        data=json.dumps(wanted).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        runs = {run["info"]["run_name"]: run["info"]["run_id"] for run in json.load(answer)["runs"]}
    return f"{address}/#/experiments/1/runs/{runs[name]}"


@pytest.mark.timeout(600)
def test_a_reader_finds_the_study_its_trials_their_curves_and_samples(opened, page):
    address = address_in(opened)
    page.goto(re.search(r"tiny: (\S+)", opened).group(1))
    page.get_by_text(QUESTION).first.wait_for(state="attached")
    for name in ("wgan-confirm-0", "gan-explore-1"):
        page.get_by_role("link", name=name).first.wait_for()
    for column in ("failure_rate", "outcome", "constraint.clip_value"):  # no trial has a distance: none was stable
        page.locator(".ag-header-cell").get_by_text(column, exact=True).first.wait_for()
    page.get_by_text("Sort: distance").wait_for()

    trial = run_page(address, "wgan-confirm-0")
    page.goto(trial)
    page.get_by_text("trained again on fresh seeds").first.wait_for()
    page.get_by_text("constraint.clip_value").first.wait_for(state="attached")

    page.goto(f"{trial}/model-metrics")
    page.get_by_text("sliced_wasserstein.median").locator("visible=true").first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()

    page.goto(f"{trial}/artifacts/samples.png")
    image = page.locator("img[src^='blob:'], .mlflow-ui-container img, img").last
    image.wait_for()
    page.get_by_text("members.csv").first.wait_for()

    page.goto(run_page(address, "tiny"))
    page.get_by_text("The setting found for each condition").first.wait_for()


def open_study(opened, page):
    """The page that gan-study ui prints, as a reader who comes first sees it."""
    page.goto("about:blank")
    page.goto(re.search(r"tiny: (\S+)", opened).group(1))
    page.get_by_text("8 matching runs").wait_for()


def search_for(page, wanted, found):
    box = page.get_by_test_id("search-box")
    box.clear()
    box.press_sequentially(wanted)
    page.locator("[data-testid=search-box][aria-expanded=false]").wait_for()  # else Enter takes a suggestion
    box.press("Enter")
    page.get_by_text(f"{found} matching runs").wait_for()


@pytest.mark.timeout(600)
def test_a_reader_sees_the_answer_without_opening_anything(recorded, opened, page):
    open_study(opened, page)
    first = answer(Comparison(results("tiny", root=recorded / "gan-studies")))[0]
    page.get_by_text(first).locator("visible=true").first.wait_for()


@pytest.mark.timeout(600)
def test_a_reader_filters_and_groups_by_condition(opened, page):
    open_study(opened, page)
    box = page.get_by_test_id("search-box")
    box.click()
    box.clear()
    box.press_sequentially("tags.")
    page.get_by_test_id("tags.condition").wait_for()
    search_for(page, "tags.condition = 'wgan'", 4)
    page.get_by_role("link", name="wgan-explore-1").first.wait_for()
    page.get_by_role("link", name=re.compile("^gan-")).first.wait_for(state="detached")

    page.get_by_test_id("saved-views-trigger").click()
    page.get_by_text("Random settings by condition: what failed").first.click()
    page.get_by_text("4 matching runs").wait_for()
    page.get_by_text("Group by: condition").wait_for()
    page.get_by_text("Sort: failure_rate").wait_for()
    for condition in ("wgan", "gan"):
        page.get_by_text(f"Group: {condition}", exact=True).wait_for()


@pytest.mark.timeout(600)
def test_a_reader_compares_the_curves_of_the_settings_found(opened, page):
    open_study(opened, page)
    search_for(page, "tags.phase = 'confirm'", 2)
    page.get_by_role("link", name="explore").first.wait_for(state="detached")
    page.locator(".ag-header-select-all:visible").first.click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for()
    axes = page.locator("[class*=select-selection-item-content]")
    axes.filter(has_text="distance/sliced_wasserstein.median").wait_for()
    page.get_by_role("link", name="distance/sliced_wasserstein.median").click()
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(1).wait_for(state="attached")
    for run in ("wgan-confirm-0", "gan-confirm-0"):
        page.get_by_text(f"{run} (distance/sliced_wasserstein.median)", exact=True).first.wait_for()


@pytest.mark.timeout(600)
def test_a_reader_sees_which_values_of_the_knobs_failed(opened, page):
    open_study(opened, page)
    page.locator("label:has(input[value=CHART])").click()
    ticks = {}
    for knob in ("constraint.clip_value", "training.n_critic"):  # a chart for the knobs of each condition
        page.get_by_placeholder("Search metric charts").fill(knob)
        chart = page.locator(".parcoords").filter(has_text=knob)
        for axis in (knob, "failure_rate"):
            chart.get_by_text(axis, exact=True).wait_for()
        ticks[knob] = chart.locator(".dimension").first.locator(".tick").all_text_contents()
    assert max(len(tick) for tick in ticks["constraint.clip_value"]) < 7  # text would stand there with all its digits


def test_a_port_that_is_taken_is_the_users_error(recorded, opened):
    port = address_in(opened).rpartition(":")[2]
    done = call("ui", "--port", port, folder=recorded)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("gan-study: --port:")


def test_a_folder_without_records_is_the_users_error(tmp_path):
    done = call("ui", "--port", str(free_port()), folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nothing is recorded" in done.stderr
