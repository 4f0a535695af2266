"""The built page in a real browser, from disk: it dreams, obeys, stays on this machine and says what is wrong.

`make book` runs these after building. They need Debian's `chromium` and `chromium-driver`.
"""

import json
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from wmbook.press.drive_page import WORLDS

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"
PAGE = BUILT / "book" / "drive.html"
SIZES = {"desktop": (1280, 800), "phone": (375, 812)}
MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()
# Keeps every frame that is shown: its number, where the road lies ahead of the car (the mean column of grey pixels in
# the upper half), a checksum of its picture.
WATCH = """
globalThis.seen = [];
const view = globalThis.view = document.querySelector("[data-part=view]");
const copy = new OffscreenCanvas(64, 64).getContext("2d", { willReadFrequently: true });
new MutationObserver(() => {
  copy.drawImage(view, 0, 0);
  const data = copy.getImageData(0, 0, 64, 64).data;
  let sum = 0, columns = 0, count = 0;
  for (let i = 0; i < data.length; i++) sum = (31 * sum + data[i]) | 0;
  for (let p = 0; p < 2048; p++) {
    const rgb = data.subarray(4 * p, 4 * p + 3);
    if (Math.max(...rgb) - Math.min(...rgb) < 25 && rgb[0] > 64 && rgb[0] < 150) { columns += p % 64; count++; }
  }
  seen.push([Number(view.dataset.steps), columns / count, sum]);
}).observe(view, { attributes: true, attributeFilter: ["data-milliseconds"] });
"""

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)}: apt install chromium chromium-driver"),
    pytest.mark.skipif(not PAGE.exists(), reason="the book is not built: make book"),
]

# What of an article reaches past the screen or past what clips it (blanks at the end of a line of code aside).
# Only wide tables may: they can be scrolled.
CUT = """
await (globalThis.MathJax?.startup?.promise);
const clips = e => getComputedStyle(e).overflowX != "visible" && getComputedStyle(e).display != "inline";
const screen = document.documentElement.clientWidth;
const right = e => e.getBoundingClientRect().right;
const edge = e => e == null ? screen : Math.min(clips(e) ? right(e) : screen, edge(e.parentElement));
return [...document.querySelectorAll(".bd-article *")].filter(e => {
  if (e.closest("table, pre *, mjx-assistive-mml, mjx-math *, mjx-container svg *, details:not([open])")) return false;
  const code = e.tagName == "PRE" && e.scrollWidth > e.clientWidth + 8;
  return e.getBoundingClientRect().width > 1 && (right(e) > edge(e.parentElement) + 1 || code);
}).map(e => `${e.tagName} ${right(e) - edge(e.parentElement)} px: ${e.parentElement.textContent.trim()}`);
"""


class Reader:
    """A browser with the page open, and what a reader does with it."""

    def __init__(self, profile: Path):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        for flag in (*QUIET, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.js, self.tell = self.driver.execute_script, self.driver.execute_cdp_cmd

    def open(self, page: Path = PAGE, size: str = "desktop", motion: str = "no-preference") -> None:
        (width, height), phone = SIZES[size], size == "phone"
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.tell("Emulation.setDeviceMetricsOverride", screen)
        self.tell("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        self.tell("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": motion}]})
        self.errors(), self.requests()  # those of the page before
        self.driver.get(page.as_uri())

    def errors(self) -> list[str]:
        """What the console complained of since the last look."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses asked for since the last look."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def part(self, name: str):
        return self.driver.find_element("css selector", f"#drive [data-part={name}]")

    def wait(self, condition: str) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 60, 0.05).until(lambda _: self.js(f"return Boolean({condition})"), condition)

    def start(self) -> None:
        self.js(f"document.getElementById('drive').dataset.seed = 1; {WATCH}")
        self.part("start").click()
        self.wait("document.querySelector('#drive.open') || !document.querySelector('[data-part=start]').disabled")

    def dream(self, count: int) -> list:
        """The first frames of the same dream from its beginning: rows of step, column, checksum."""
        self.js("document.querySelector('[data-part=reset]').click(); seen.length = 0")
        self.wait(f"seen.length >= {count}")
        return self.js("return seen")[:count]

    @contextmanager
    def held(self, key: str, size: str):
        """A key of the keyboard, or on a phone the button on the page, for as long as the block lasts."""
        from selenium.webdriver import ActionChains, Keys
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        if size == "desktop":
            press = {"left": Keys.ARROW_LEFT, "right": "d"}[key]
            ActionChains(self.driver).key_down(press).perform()
            yield
            ActionChains(self.driver).key_up(press).perform()
        else:
            finger = ActionBuilder(self.driver, mouse=PointerInput("touch", "finger"))
            finger.pointer_action.move_to(self.driver.find_element("css selector", f"[data-key={key}]")).pointer_down()
            finger.perform()
            yield
            finger.clear_actions()
            finger.pointer_action.pointer_up()
            finger.perform()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    one = Reader(tmp_path_factory.mktemp("profile"))
    yield one
    one.driver.quit()


@pytest.mark.parametrize("size", SIZES)
def test_the_dream_moves_and_obeys(reader, size, capsys):
    reader.open(size=size)
    assert not any("vae" in address for address in reader.requests()), "weights are loaded before the start"
    reader.start()
    straight = reader.dream(60)
    with capsys.disabled():
        fps, cost = map(float, reader.js("return [view.dataset.fps, view.dataset.milliseconds]"))
        print(f"\n{size}: {fps:.1f} frames a second in Chromium, the last one took {cost:.0f} ms of them")
    assert [step for step, *_ in straight] == list(range(1, 61))
    assert len({picture for *_, picture in straight}) > 50, "the picture stands still"
    assert reader.dream(10) == straight[:10], "the same seed is another dream"
    road = {"none": straight[14][1]}
    for key in ("left", "right"):
        with reader.held(key, size):
            road[key] = reader.dream(15)[-1][1]
    assert road["left"] > road["none"] + 2 and road["none"] - 2 > road["right"], f"the car turns the wrong way: {road}"
    assert reader.js("return document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
    assert reader.errors() == []
    elsewhere = [address for address in reader.requests() if not address.startswith(("file:", "blob:", "data:"))]
    assert elsewhere == []


def test_every_control_does_something(reader):
    reader.open()
    reader.start()
    reader.dream(3)
    reader.part("agent").click()
    reader.wait("seen.length > 12 && document.querySelector('[data-part=action]').textContent != '0.0 / 0.0 / 0.0'")
    for part in ("reward", "score", "end", "entropy", "speed", "heading", "fps"):
        assert any(letter.isalnum() for letter in reader.part(part).text), f"nothing is shown for {part}"
    with reader.held("left", "desktop"):
        assert reader.part("agent").get_attribute("aria-pressed") == "false", "a key does not take the wheel"
    reader.part("pause").click()
    count = reader.js("return seen.length")
    time.sleep(0.3)
    assert reader.js("return seen.length") == count, "the pause does not pause"
    reader.part("pause").click()
    reader.wait(f"seen.length > {count}")

    dreams = {"vae-zh": reader.dream(4)}
    reader.js("const w = document.querySelector('[data-part=world]'); w.value = 'vaegan-zh'; w.onchange()")
    dreams["vaegan-zh"] = reader.dream(4)
    for number, button in enumerate(reader.driver.find_elements("css selector", "[data-part=starts] button")):
        button.click()
        dreams[f"start {number}"] = reader.dream(4)
    reader.js("const t = document.querySelector('[data-part=tau]'); t.value = 4; t.oninput()")
    dreams["hot"] = reader.dream(4)
    pictures = [dream[-1][-1] for dream in dreams.values()]
    assert len(set(pictures)) == len(pictures) - 1, f"only the start chosen at first is shown twice: {dreams}"
    assert reader.errors() == []


def test_a_slider_moves_its_own_picture(reader):
    reader.open()
    reader.start()
    look = "return [...document.querySelectorAll('.pictures canvas')].map((canvas) => canvas.toDataURL())"
    reader.wait("document.querySelectorAll('.pictures canvas').length == 3")
    drawn = reader.js(look)
    while time.sleep(0.3) or drawn != (drawn := reader.js(look)):  # the first pictures may still be on their way
        pass
    panels = reader.driver.find_elements("css selector", "[data-part=sliders] > div")
    for place, (panel, world) in enumerate(zip(panels, WORLDS, strict=True), start=1):
        sliders = panel.find_elements("css selector", "input")
        assert len(sliders) == reader.js(f"return dreamFiles['{world}'].active.length")
        for slider in sliders:
            before = reader.js(look)
            reader.js("arguments[0].value = arguments[0].max; arguments[0].oninput()", slider)
            reader.wait(f"document.querySelectorAll('.pictures canvas')[{place}].toDataURL() != '{before[place]}'")
            after = reader.js(look)
            assert [a == b for a, b in zip(before, after)] == [k != place for k in range(3)]
    frames = reader.driver.find_elements("css selector", "[data-part=strip] button")
    before = reader.js(look)
    frames[3].click()
    reader.wait(f"document.querySelectorAll('.pictures canvas')[2].toDataURL() != '{before[2]}'")
    assert reader.js(look)[0] != before[0]


def test_a_hidden_page_waits(reader):
    reader.open()
    reader.start()
    reader.dream(3)
    reader.js("globalThis.log = []; document.onvisibilitychange = () => log.push([document.hidden, seen.length])")
    first = reader.driver.current_window_handle
    reader.driver.switch_to.new_window("tab")
    time.sleep(0.5)
    reader.driver.close()
    reader.driver.switch_to.window(first)
    reader.wait("log.length == 2")
    (hidden, before), (shown, after) = reader.js("return log")
    assert hidden and not shown and after == before, "frames are drawn while nobody looks"
    reader.wait(f"seen.length > {after}")


def test_a_reader_who_asks_for_less_motion_is_not_moved(reader):
    reader.open(motion="reduce")
    reader.start()
    reader.wait("document.querySelector('#drive.open')")
    time.sleep(0.3)
    assert reader.js("return seen.length") == 0 and "Go on" in reader.part("message").text
    reader.part("pause").click()
    reader.wait("seen.length > 3")


def test_without_javascript_there_is_a_film(reader):
    reader.tell("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        reader.open()
    finally:
        reader.tell("Emulation.setScriptExecutionDisabled", {"value": False})
    # What was skipped while the page loaded stays skipped: only this look-up runs.
    assert reader.js("return document.querySelector('#drive video[poster]').offsetHeight") > 100


@pytest.mark.parametrize("size", SIZES)
def test_the_front_page_leads_here_on_its_first_screen(reader, size):
    reader.open(BUILT / "book" / "index.html", size=size)
    link = "document.querySelector('article a[href=\"drive.html\"]')"
    assert reader.js(f"return {link}.getBoundingClientRect().bottom <= innerHeight")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["book/index", "book/pipeline", "notebooks/02_vision", "notebooks/10_comparison"])
def test_nothing_moves_while_a_page_loads(reader, name, size):
    watch = """globalThis.shifts = []; new PerformanceObserver((list) => shifts.push(...list.getEntries().map(
      (e) => e.value))).observe({ type: "layout-shift", buffered: true });"""
    script = reader.tell("Page.addScriptToEvaluateOnNewDocument", {"source": watch})["identifier"]
    reader.open(BUILT / f"{name}.html", size=size)
    reader.tell("Page.removeScriptToEvaluateOnNewDocument", {"identifier": script})
    reader.wait("document.readyState == 'complete' && !document.querySelector('.math:not(:has(mjx-container))')")
    time.sleep(0.5)
    assert reader.js("return shifts.reduce((sum, one) => sum + one, 0)") < 0.1  # web.dev's bound of a good page


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda file: file.unlink(), "missing or cut short"),
        (lambda file: file.write_text(file.read_text()[:-1000]), "missing or cut short"),
        (lambda file: file.write_text(file.read_text().replace('"version": 2', '"version": 0')), "has version 0"),
    ],
)
@pytest.mark.parametrize("name", ["vaegan-zh", "frames"])
def test_damaged_weights_are_one_sentence_on_the_page(reader, tmp_path, damage, sentence, name):
    (tmp_path / "book").mkdir(), (tmp_path / "_static").mkdir()
    shutil.copy(PAGE, tmp_path / "book")
    for path in (BUILT / "_static").iterdir():
        if path.name != "drive":
            (tmp_path / "_static" / path.name).symlink_to(path)
    shutil.copytree(PAGE.parents[1] / "_static" / "drive", tmp_path / "_static" / "drive")
    file = tmp_path / "_static" / "drive" / f"{name}.js"
    whole = file.read_text()
    damage(file)
    reader.open(tmp_path / "book" / PAGE.name)
    reader.start()
    said = reader.part("message").text
    assert f"{name}.js" in said and sentence in said and "wmbook drive" in said
    assert reader.part("start").is_displayed() and not reader.part("view").is_displayed(), "a blank canvas"
    file.write_text(whole)
    reader.part("start").click()
    reader.wait("seen.length > 3")
    assert reader.part("message").text == ""


def test_the_page_is_light_enough():
    assert sum(path.stat().st_size for path in (BUILT / "_static" / "drive").iterdir()) < 12e6


@pytest.mark.parametrize("size", SIZES)
def test_no_page_is_cut(reader, size):
    pages = [path for folder in ("book", "notebooks") for path in sorted((BUILT / folder).rglob("*.html"))]
    assert len(pages) > 20
    cut = {}
    for page in pages:
        reader.open(page, size)
        if found := reader.js(f"return (async () => {{ {CUT} }})()"):
            cut[page.name] = found
    assert cut == {}
