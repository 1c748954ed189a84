"""The page in a real Chromium, opened from disk."""

from __future__ import annotations

import pages
import pytest
from records import record
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

PATIENCE = 30
"""Seconds; the machine may be busy."""
UNKNOWN = "0" * 12


def opened(window, folder, address="#/"):
    """Opens an address of a report and waits until it is shown."""
    window.get("about:blank")
    window.get(f"{(folder / 'index.html').as_uri()}{address}")
    return arrived(window, address)


def arrived(window, address):
    wait(window, lambda: window.execute_script("return document.getElementById('view').dataset.shown") == address)
    return window.find_element(By.TAG_NAME, "h1").text


def wait(window, condition):
    # The element that is asked may be of the view that is just left.
    patient = WebDriverWait(window, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
    return patient.until(lambda _: condition())


def find(window, selector):
    return window.find_elements(By.CSS_SELECTOR, selector)


def column(window, table, number):
    """The texts of a column that are shown, without the pinned line; 0 is the head of the line."""
    rows = [row for row in find(window, f"[aria-label='{table}'] tbody tr:not(.pinned)") if row.is_displayed()]
    return [row.find_elements(By.CSS_SELECTOR, "th, td")[number].text for row in rows]


def head(window, table, text):
    heads = find(window, f"[aria-label='{table}'] thead th")
    return next(each for each in heads if each.text.split("\n")[0].strip(" ↕↑↓") == text)


def group(folder, task="cifar100 v1"):
    line = next(each for each in pages.data(folder, "overview")["groups"] if each["task"] == task)
    return pages.data(folder, f"groups/{line['id']}")


def row(found, label):
    return next(each for each in found["rows"] if each["label"] == label)


def drawn(window, number=0):
    """The element of a plot, when it is drawn."""
    stage = find(window, ".plot")[number]
    window.execute_script("arguments[0].scrollIntoView()", stage)
    wait(window, lambda: stage.get_attribute("data-drawn"))
    return stage


def test_the_overview_leads_to_a_group(window, folder):
    assert opened(window, folder) == "Knowledge distillation, measured"
    assert column(window, "What was measured", 0) == ["cifar100 v1", "digits v1"]
    window.find_element(By.LINK_TEXT, "cifar100 v1").click()
    assert arrived(window, f"#/group/{group(folder)['id']}") == "cifar100 v1"
    assert window.title.startswith("cifar100 v1")


def test_the_overview_filters_by_choice_and_by_word(window, folder):
    opened(window, folder)
    task = find(window, ".choice select")[0]
    Select(task).select_by_visible_text("digits v1")
    assert column(window, "What was measured", 1) == ["resnet14->resnet8"]
    Select(task).select_by_visible_text("all")
    window.find_element(By.CSS_SELECTOR, "input").send_keys("gpu")
    assert column(window, "What was measured", 0) == ["cifar100 v1"]
    assert window.find_element(By.TAG_NAME, "output").text == "1 of 2 tables"


def test_a_click_on_a_head_sorts(window, folder):
    opened(window, folder, f"#/group/{group(folder)['id']}")
    board = column(window, "Accuracy", 0)
    assert board[:4] == ["at", "pkd", "kd", "scratch"]
    test = head(window, "Accuracy", "test accuracy")
    button = test.find_element(By.TAG_NAME, "button")
    assert test.get_attribute("aria-sort") == "none"
    button.click()
    assert test.get_attribute("aria-sort") == "ascending"
    # fsp has no run that finished: unknown is last, whatever the direction.
    assert column(window, "Accuracy", 0) == ["scratch", "sp*", "kd", "pkd", "at", "fsp*"]
    button.send_keys(Keys.ENTER)
    assert test.get_attribute("aria-sort") == "descending"
    assert column(window, "Accuracy", 0) == ["at", "pkd", "kd", "sp*", "scratch", "fsp*"]
    button.click()
    assert test.get_attribute("aria-sort") == "none"
    assert column(window, "Accuracy", 0) == board
    head(window, "Accuracy", "Method").find_element(By.TAG_NAME, "button").click()
    assert column(window, "Accuracy", 0) == ["at", "fsp*", "kd", "pkd", "scratch", "sp*"]
    assert find(window, "[aria-label='Accuracy'] tbody tr")[0].text.startswith("teacher: resnet56")


def test_numbers_sort_as_numbers_and_infinity_after_them(window, folder):
    opened(window, folder, f"#/group/{group(folder, 'cifar100 v1')['id']}")
    script = """
      const lines = [["ten", 10], ["unknown", null], ["nine", 9], ["never", "inf"]].map(([text, value]) => (
        {id: text, text, name: text, figures: [[text, value]]}));
      const {node} = kdbench.table({label: "made", head: "Line", columns: [{title: "value", kind: "number"}], lines});
      document.querySelector("main").append(node);
    """
    window.execute_script(script)
    button = head(window, "made", "value").find_element(By.TAG_NAME, "button")
    window.execute_script("arguments[0].click()", button)
    assert column(window, "made", 1) == ["nine", "ten", "never", "unknown"]
    window.execute_script("arguments[0].click()", button)
    assert column(window, "made", 1) == ["never", "ten", "nine", "unknown"]


def test_the_filter_counts_and_holds_for_every_table(window, folder):
    opened(window, folder, f"#/group/{group(folder)['id']}")
    box, count = window.find_element(By.CSS_SELECTOR, "input"), window.find_element(By.TAG_NAME, "output")
    assert count.text == "6 rows"
    box.send_keys("kd")
    assert count.text == "2 of 6 rows"
    for table in ("In short", "Accuracy", "Time on cpu-2c-8g", "Time on gpu"):
        assert sorted(each.rstrip("*") for each in column(window, table, 0)) == ["kd", "pkd"]
    stage = drawn(window)
    wait(window, lambda: window.execute_script("return arguments[0].data.length", stage) == 2)
    box.send_keys(" pk")
    assert column(window, "Accuracy", 0) == ["pkd"]
    box.send_keys(Keys.BACKSPACE * 5)
    assert count.text == "6 rows"


def test_a_row_has_its_link(window, folder):
    found = group(folder)
    kd = row(found, "kd")
    address = f"#/group/{found['id']}/row/{kd['id']}"
    assert opened(window, folder, address) == "kd"
    assert "69.20 ± 0.20 (5)" in [each.text for each in find(window, ".figures strong")]
    assert column(window, "Runs on cpu-2c-8g", 0) == [f"seed {seed}" for seed in range(5)]
    assert column(window, "Runs on gpu", 0) == ["seed 0", "seed 1"]
    for former in found["former"]:
        assert opened(window, folder, f"#/group/{former}/row/{kd['id']}") == "kd"


def test_a_cell_shows_its_curve_its_record_and_its_command(window, folder):
    found = group(folder)
    pkd = row(found, "pkd")
    opened(window, folder, f"#/group/{found['id']}/row/{pkd['id']}")
    window.find_element(By.LINK_TEXT, "seed 3").click()
    run = next(each for each in pkd["runs"] if each["seed"] == 3)
    assert arrived(window, f"#/cell/{run['key']}/{run['machine']}") == "pkd, seed 3"
    record = window.find_element(By.CSS_SELECTOR, ".record").text
    assert f'"key": "{run["key"]}"' in record
    assert '"select": [50, 60, 63, 66]' in record
    assert "predictions" not in record
    assert window.find_element(By.CSS_SELECTOR, ".command code").text == "python -m bench run --methods pkd --seeds 3"
    stage = drawn(window)
    assert window.execute_script("return arguments[0].data.map((trace) => trace.x)", stage) == [[12, 24, 36, 48]] * 2
    singles, smooth = window.execute_script("return arguments[0].data.map((trace) => trace.y)", stage)
    assert singles == [50, 60, 63, 66]
    assert smooth == [None, None, pytest.approx(57.6667), 63]
    assert window.execute_script("return arguments[0].layout.shapes[0].y0", stage) == pytest.approx(62.7)
    assert "τ = 62.70" in stage.text
    Select(window.find_element(By.CSS_SELECTOR, ".curves select")).select_by_visible_text("training steps")
    wait(window, lambda: window.execute_script("return arguments[0].data[0].x[0]", stage) == 100)


def test_a_failed_cell_says_why(window, folder):
    found = group(folder)
    opened(window, folder, f"#/group/{found['id']}")
    failed = window.find_element(By.LINK_TEXT, "at, seed 5")
    window.execute_script("arguments[0].click()", failed)
    wait(window, lambda: window.find_element(By.TAG_NAME, "h1").text == "at, seed 5")
    assert "FloatingPointError: the loss is nan at step 7" in window.find_element(By.TAG_NAME, "pre").text


def test_two_methods_seed_by_seed(window, folder):
    found = group(folder)
    kd, scratch = row(found, "kd"), row(found, "scratch")
    for a, b, sign in ((kd, scratch, "+"), (scratch, kd, "-")):
        opened(window, folder, f"#/compare?group={found['id']}&a={a['id']}&b={b['id']}")
        told = [each.text for each in find(window, ".tiles dd")]
        assert told == [f"{sign}1.00 ± 0.00 (5)", "< 0.001", "yes"]
        assert column(window, "Test accuracy, seed by seed", 3) == [f"{sign}1.00"] * 5
    assert column(window, "Time on gpu", 1)[0] == "–"
    assert len(window.execute_script("return arguments[0].data", drawn(window))) == 10
    Select(find(window, ".choice select")[1]).select_by_visible_text("pkd")
    wait(window, lambda: window.find_element(By.TAG_NAME, "h1").text == "scratch and pkd")


def test_a_method_that_ran_at_smaller_budgets_alone_is_compared_with_none(window, tmp_path):
    made = [record("pkd", seed) for seed in range(5)] + [pages.at_budget(record("kd", seed), 0.5) for seed in range(5)]
    folder = pages.report(made, tmp_path)
    found = group(folder)
    kd, pkd = row(found, "kd"), row(found, "pkd")
    opened(window, folder, f"#/compare?group={found['id']}&a={kd['id']}&b={pkd['id']}")
    assert [each.text for each in find(window, ".tiles dd")] == ["–", "–", "too few seeds to say"]


def test_plots_hover_and_zoom(window, folder):
    opened(window, folder, f"#/group/{group(folder)['id']}")
    stage = drawn(window)
    assert len(window.execute_script("return arguments[0].data", stage)) == 4
    window.execute_script("Plotly.Fx.hover(arguments[0], [{curveNumber: 0, pointNumber: 0}])", stage)
    assert "at" in stage.find_element(By.CSS_SELECTOR, ".hoverlayer").text
    before = window.execute_script("return arguments[0].layout.xaxis.range", stage)
    zoom = stage.find_element(By.CSS_SELECTOR, "[data-title='Zoom in']")
    window.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", zoom)
    wait(window, lambda: window.execute_script("return arguments[0].layout.xaxis.range", stage) != before)


def test_a_chip_draws_another_method(window, folder):
    opened(window, folder, f"#/group/{group(folder)['id']}")
    stage = drawn(window, 2)
    lines = len(window.execute_script("return arguments[0].data", stage))
    chip = next(each for each in find(window, ".chip") if each.text == "kd")
    assert chip.get_attribute("aria-pressed") == "true"
    window.execute_script("arguments[0].scrollIntoView({block: 'center'})", chip)
    chip.click()
    wait(window, lambda: len(window.execute_script("return arguments[0].data", stage)) == lines - 5)
    assert chip.get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(window, folder, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    opened(window, folder)
    colour = window.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colour == {"light": "rgb(250, 249, 246)", "dark": "rgb(20, 23, 27)"}[scheme]


def test_a_phone_scrolls_no_page_sideways(window, folder):
    found = group(folder)
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    kd, pkd = row(found, "kd"), row(found, "pkd")
    run = kd["runs"][0]
    addresses = [
        "#/",
        f"#/group/{found['id']}",
        f"#/group/{found['id']}/row/{kd['id']}",
        f"#/cell/{run['key']}/{run['machine']}",
        f"#/compare?group={found['id']}&a={kd['id']}&b={pkd['id']}",
    ]
    try:
        for address in addresses:
            opened(window, folder, address)
            assert window.execute_script("return document.documentElement.scrollWidth <= innerWidth"), address
    finally:
        window.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(
    "address", [f"#/group/{UNKNOWN}", f"#/compare?group={UNKNOWN}", "#/group/../../x", "#/nothing/<b>here"]
)
def test_an_address_that_is_not_there_says_so(window, folder, address):
    window.get("about:blank")
    window.get(f"{(folder / 'index.html').as_uri()}{address}")
    wait(window, lambda: find(window, "h1"))
    assert window.find_element(By.TAG_NAME, "h1").text == "Not here"
    assert not find(window, "#view b")


def test_no_records_say_what_to_do(window, tmp_path):
    (tmp_path / "results").mkdir()
    opened(window, pages.report([], tmp_path))
    assert [each.text for each in find(window, ".command code")] == [
        "python -m bench run --methods all --tasks TASK",
        "python -m bench report",
    ]


def test_hostile_records_show_as_text(window, tmp_path):
    folder = pages.report(pages.hostile(), tmp_path)
    for line in pages.data(folder, "overview")["groups"]:
        found = pages.data(folder, f"groups/{line['id']}")
        rows = found["rows"]
        addresses = [
            "#/",
            f"#/group/{line['id']}",
            f"#/group/{line['id']}/row/{rows[0]['id']}",
            f"#/cell/{rows[0]['runs'][0]['key']}/{rows[0]['runs'][0]['machine']}",
            f"#/compare?group={line['id']}&a={rows[0]['id']}&b={rows[-1]['id']}",
        ]
        for address in addresses:
            opened(window, folder, address)
            for number in range(len(find(window, ".plot"))):
                assert not drawn(window, number).find_elements(By.TAG_NAME, "a")
            assert window.execute_script("return [window.injected, ({}).polluted]") == [None, None]
            assert not find(window, "#view img, #view script, #view b")
            text = window.execute_script("return document.getElementById('view').textContent")
            assert line["task"] in text
