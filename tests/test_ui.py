"""MLflow's pages of a study in a real browser, opened by the command `gan-study ui`."""

import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from time import monotonic

import pytest
import requests
from mlflow_contents import recorded_ranked
from recorded import QUESTION, call, command, process_environment
from servers import free_port

from services import tracking_server
from studies.analysis.comparison import Comparison
from studies.errors import InputError
from studies.locate import results
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentence

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TIMEOUT_MS = 90_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a study and MLflow's default store, as `gan-study run` leaves it."""
    return recorded_ranked(tmp_path_factory).folder


def started_ui(folder):
    """The process of `gan-study ui` in a folder, whose output is read as text."""
    return subprocess.Popen(
        command("ui"),
        cwd=folder,
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def printed(folder):
    """Output of `gan-study ui` while it serves."""
    process = started_ui(folder)
    assert process.stdout is not None
    with process.stdout as output:
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Press Ctrl-C")):
            lines.append(output.readline())
            assert lines[-1], "".join(lines)
        yield "".join(lines)
        process.send_signal(signal.SIGINT)
        started = monotonic()
        assert process.wait(timeout=60) == 0
        assert monotonic() - started < 30


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser):
    opened = browser.new_page(viewport={"width": 1600, "height": 950})
    opened.set_default_timeout(TIMEOUT_MS)
    return opened


def address_in(printed):
    """The address of the server that `gan-study ui` prints."""
    return re.findall(r"http://127\.0\.0\.1:\d+", printed)[0]


def study_page(printed):
    """The address that `gan-study ui` prints for the study."""
    return re.findall(r"tiny: (\S+)", printed)[0]


def run_page(address, name):
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/runs/search",
        data=json.dumps({"experiment_ids": ["1"], "max_results": 100}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        runs = {run["info"]["run_name"]: run["info"]["run_id"] for run in json.load(response)["runs"]}
    return f"{address}/#/experiments/1/runs/{runs[name]}"


@pytest.mark.timeout(600)
def test_pages_show_the_study_its_trials_their_curves_and_samples(printed, page):
    address = address_in(printed)
    page.goto(study_page(printed))
    page.get_by_text(QUESTION).first.wait_for(state="attached")
    for name in ("wgan-confirm-0", "gan-explore-1"):
        page.get_by_role("link", name=name).first.wait_for()
    for column in ("rank", "failure_rate", "outcome", "clip_value"):
        page.locator(".ag-header-cell").get_by_text(column, exact=True).first.wait_for()
    page.get_by_text("Sort: rank").wait_for()

    trial = run_page(address, "wgan-confirm-0")
    page.goto(trial)
    page.get_by_text("trained again with new seeds").first.wait_for()
    page.get_by_text("clip_value").first.wait_for(state="attached")

    page.goto(f"{trial}/model-metrics")
    for name in (
        "sliced_wasserstein",
        "q25_sliced_wasserstein",
        "q75_sliced_wasserstein",
    ):  # titles without the section
        page.get_by_text(name, exact=True).locator("visible=true").first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()

    page.goto(f"{trial}/artifacts/samples.png")
    image = page.locator("img[src^='blob:'], .mlflow-ui-container img, img").last
    image.wait_for()
    page.get_by_text("members.csv").first.wait_for()

    page.goto(run_page(address, "tiny"))
    page.get_by_text("The setting found for each condition").first.wait_for()


def open_study(printed, page):
    """Open the page that `gan-study ui` prints, without state from an earlier test."""
    page.goto("about:blank")
    page.goto(study_page(printed))
    page.get_by_text("8 matching runs").wait_for()


@pytest.mark.timeout(600)
def test_the_first_view_has_confirmed_trials_first_and_results_and_parameters_within_1400_pixels(
    folder, printed, browser
):
    page = browser.new_page(viewport={"width": 1400, "height": 950})
    page.set_default_timeout(TIMEOUT_MS)
    open_study(printed, page)
    page.get_by_role("button", name="Close").click()  # MLflow's assistant, open on a first visit
    page.get_by_role("button", name="Close").wait_for(state="detached")
    page.locator(".ag-header-cell").get_by_text("objective", exact=True).wait_for()

    local = results("tiny", root=folder / "gan-studies")
    rows = page.locator(".ag-pinned-left-cols-container [role=row]").all()
    rows.sort(key=lambda row: int(row.get_attribute("row-index")))
    names = [row.get_by_role("link").first.inner_text() for row in rows]
    assert local.ranks == {"wgan": 1, "gan": 2}
    assert names[:2] == ["wgan-confirm-0", "gan-confirm-0"]  # the last one that was trained is the second
    assert len(names) == 8
    assert not any("confirm" in name for name in names[2:])

    headers = [(header.bounding_box(), header.inner_text().strip()) for header in page.locator(".ag-header-cell").all()]
    shown = [text for box, text in sorted(headers, key=lambda header: header[0]["x"]) if text and box["x"] < 1400]
    metrics = ["rank", "distance", "failure_rate", "late_distance"]
    first = ["Run Name", "Created", *metrics, "outcome", "clip_value", "critic lr", "n_critic", "objective"]
    assert shown[:11] == first
    assert set(shown[11:]) <= {"constraint"}
    text = page.locator("body").inner_text()
    assert "gan_studies" not in text
    assert "mlflow." not in text
    page.close()


@pytest.mark.timeout(600)
def test_the_page_of_a_trial_shows_its_tags_and_no_internal_ones(printed, page):
    page.goto(run_page(address_in(printed), "wgan-confirm-0"))
    page.get_by_text("weight_clipping").first.wait_for()
    for tag in ("condition", "phase", "outcome"):
        page.get_by_text(re.compile(f"^{tag}")).locator("visible=true").first.wait_for()
    text = page.locator("body").inner_text()
    assert "gan_studies" not in text
    for param in ("objective", "constraint", "clip_value"):
        assert param in text
    assert "constraint.clip_value" not in text


def search_for(page, condition, count):
    box = page.get_by_test_id("search-box")
    box.clear()
    box.press_sequentially(condition)
    page.locator("[data-testid=search-box][aria-expanded=false]").wait_for()  # else Enter chooses a suggestion
    box.press("Enter")
    page.get_by_text(f"{count} matching runs").wait_for()


@pytest.mark.timeout(600)
def test_the_answer_is_visible_without_a_click(folder, printed, page):
    open_study(printed, page)
    first = next(answer(Comparison(results("tiny", root=folder / "gan-studies"))))
    page.get_by_text(sentence(first)).locator("visible=true").first.wait_for()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_runs_are_filtered_and_grouped_by_condition(printed, page):
    open_study(printed, page)
    box = page.get_by_test_id("search-box")
    box.click()
    box.clear()
    box.press_sequentially("tags.")
    page.get_by_test_id("tags.condition").wait_for()
    search_for(page, "tags.condition = 'wgan'", 4)
    page.get_by_role("link", name="wgan-explore-1").first.wait_for()
    page.get_by_role("link", name=re.compile("^gan-")).first.wait_for(state="detached")

    page.get_by_test_id("saved-views-trigger").click()
    page.get_by_text("Random settings by condition").first.click()
    page.get_by_text("4 matching runs").wait_for()
    page.get_by_text("Group by: condition").wait_for()
    page.get_by_text("Sort: failure_rate").wait_for()
    for condition in ("wgan", "gan"):
        page.get_by_text(f"Group: {condition}", exact=True).wait_for()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_curves_of_the_confirmed_trials_are_compared(printed, page):
    open_study(printed, page)
    search_for(page, "tags.phase = 'confirm'", 2)
    page.get_by_role("link", name="explore").first.wait_for(state="detached")
    page.locator(".ag-header-select-all:visible").first.click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for()
    axes = page.locator("[class*=select-selection-item-content]")
    axes.filter(has_text="distance/sliced_wasserstein").wait_for()
    page.get_by_role("link", name="distance/sliced_wasserstein", exact=True).click()
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(1).wait_for(state="attached")
    for run in ("wgan-confirm-0", "gan-confirm-0"):
        page.get_by_text(f"{run} (distance/sliced_wasserstein)", exact=True).first.wait_for()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_charts_show_which_values_of_the_hyperparameters_failed(printed, page):
    open_study(printed, page)
    page.locator("label:has(input[value=CHART])").click()
    ticks = {}
    for name in ("clip_value", "n_critic"):  # one chart for the hyperparameters of each condition
        page.get_by_placeholder("Search metric charts").fill(name)
        chart = page.locator(".parcoords").filter(has_text=name)
        for axis in (name, "failure_rate"):
            chart.get_by_text(axis, exact=True).wait_for()
        ticks[name] = chart.locator(".dimension").first.locator(".tick").all_text_contents()
    # the axis is numeric: an axis of texts would have a tick with all digits for every trial
    assert max(len(tick) for tick in ticks["clip_value"]) < 7


def test_a_server_that_is_ended_at_once_leaves_no_process_behind(folder):
    process = started_ui(folder)
    assert process.stdout is not None
    with process.stdout as output:
        port = int(address_in(output.readline()).rpartition(":")[2])
        process.terminate()
        output.read()
    assert process.wait(timeout=60) in (0, 130)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


ASSISTANT = "ajax-api/3.0/mlflow/assistant"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "config", None),
        (
            "PUT",
            "config",
            {"providers": {"openai_compatible": {"selected": True, "permissions": {"full_access": True}}}},
        ),
        ("POST", "message", {"message": "delete the ledger"}),
        ("GET", "providers", None),
    ],
)
def test_mlflows_assistant_which_runs_programs_cannot_be_reached(printed, method, path, body):
    """Another account of the machine could have it run any program with the permissions of the user of the server."""
    answer = requests.request(method, f"{address_in(printed)}/{ASSISTANT}/{path}", json=body, timeout=30)
    assert (answer.status_code, answer.text) == (404, "gan-study ui serves MLflow without its assistant\n")


def test_paths_of_the_assistant_are_those_of_the_installed_mlflow():
    """Its routes would be served if a new MLflow moved them."""
    from mlflow.server.assistant.api import assistant_router

    assert assistant_router.routes
    assert all(getattr(route, "path", "").startswith(f"/{ASSISTANT}") for route in assistant_router.routes)


def test_a_port_that_is_in_use_is_the_users_error(folder, printed):
    port = address_in(printed).rpartition(":")[2]
    done = call("ui", "--port", port, folder=folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("gan-study: --port:")


def test_an_installation_without_the_application_is_said(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tracking_server, "entry_points", lambda **wanted: ())
    with pytest.raises(InputError, match="gan-studies was changed after it was installed; install it again"):
        tracking_server.served(None).__enter__()


def test_a_folder_without_recorded_studies_is_the_users_error(tmp_path):
    done = call("ui", "--port", str(free_port()), folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no study is recorded" in done.stderr
