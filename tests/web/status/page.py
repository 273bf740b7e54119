"""The status page in a real Chromium, with a system that does what the test tells it (mock_system.py). TAP. With the argument
`system ADDRESS` the real one, with `photograph-system ADDRESS FILE` its picture."""
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
import mock_system  # noqa: E402
from browser import Browser  # noqa: E402

tests = failures = 0


def ok(good, name, detail=None):
    global tests, failures
    tests += 1
    failures += not good
    print(("ok" if good else "not ok"), tests, "-", name, flush=True)
    if not good and detail is not None:
        print("#", detail)


HELPERS = """
window.box = name => [...document.querySelectorAll('.box')].find(one => one.querySelector('.name').textContent === name);
window.label = text => [...document.querySelectorAll('.label')].find(one => one.querySelector('.contract').textContent === text);
window.rows = id => [...document.getElementById(id).tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent));
window.overlap = (one, other) => { const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
  return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1; };
window.light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(one => one / 255)
  .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
window.contrast = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
true"""


class Page:
    def __init__(self, browser, system, **options):
        self.server = mock_system.serve(system)
        self.address = "http://127.0.0.1:%d/status" % self.server.server_address[1]
        self.browser = browser
        browser.events.clear()
        browser.open(self.address, **options)
        self.shown = browser.until("document.documentElement.dataset.shown")
        browser.ask(HELPERS)

    def __getattr__(self, name):
        return getattr(self.browser, name)

    def end(self):
        self.browser.command("Page.navigate", url="about:blank")
        self.server.shutdown()
        self.server.server_close()


def test_drawing(browser):
    system = mock_system.System()
    page = Page(browser, system)
    names = ["console", "extension", "files", "network", "scripts", "supervisor", "web"]
    ok(page.ask("[...document.querySelectorAll('.box .name')].map(one => one.textContent).sort()") == names,
       "every process is a box")
    ok(page.ask("[...document.querySelectorAll('.box .phase')].every(one => one.textContent === 'running')"),
       "which says its phase in a word")
    labels = page.ask("[...document.querySelectorAll('.label .contract')].map(one => one.textContent).sort()")
    ok(labels == ["extension", "files", "files", "files ×3", "files ×3", "listener", "network", "observation", "stream ×16"],
       "channels of one kind between two processes are one line, with their number", labels)
    page.until("label('stream ×16').querySelector('.state').textContent.match(/[1-9]/)")
    rate = page.ask("label('stream ×16').querySelector('.state').textContent")
    ok(2.4 < float(rate.removesuffix("k/s")) < 5.2, "with messages each second", rate)  # 1840 requests, 2 messages each
    ok(page.ask("label('listener').querySelector('.state').textContent").startswith("ACCEPT_ASKED · "), "and their state")
    ok(page.ask("box('web').getBoundingClientRect().right < box('network').getBoundingClientRect().left"),
       "clients are left of their servers")
    page.ask("document.getElementById('supervision').click()")
    ok(page.until("document.querySelectorAll('.label').length === 15", 5), "channels of supervision are shown when they are wanted")
    page.ask("document.getElementById('supervision').click()")
    table = page.ask("rows('processes')")
    web = next(row for row in table if row[0] == "web")
    ok(len(table) == 7 and web[1] == "running" and web[7:9] == ["102 MiB", "256 MiB"], "a table has the exact figures", web)
    supervisor = next(row for row in table if row[0] == "supervisor")
    ok(supervisor[7:9] == ["2.4 MiB", "8.0 MiB"], "of a parent without what it gave on", supervisor)
    channels = page.ask("rows('channels')")
    ok(len(channels) == 15 and ["web", "network", "stream", "16"] == next(row for row in channels if row[2] == "stream")[:4],
       "and one of the channels", channels)
    ok(page.ask("document.getElementById('requests').textContent.length > 5 && document.getElementById('connections').textContent") == "16",
       "the server's figures")
    overlaps = """(() => { const boxes = [...document.querySelectorAll('.shell')], labels = [...document.querySelectorAll('.label')];
      return labels.some((one, i) => boxes.some(other => overlap(one, other)) || labels.slice(i + 1).some(other => overlap(one, other)))
        || boxes.some((one, i) => boxes.slice(i + 1).some(other => overlap(one, other))); })()"""
    ok(page.ask(overlaps) is False, "no box and no label lies on another")
    ok(page.ask("performance.getEntriesByType('resource').every(one => one.name.startsWith(location.origin))"),
       "nothing is loaded from elsewhere")
    ok(page.problems() == [], "and nothing fails or is refused by the content security policy", page.problems())
    page.end()


def test_restart(browser):
    system = mock_system.System()
    page = Page(browser, system)
    before = page.ask("box('web').getAttribute('transform')")
    system.kill("extension")
    ok(page.until("box('extension').querySelector('.phase').textContent === 'waiting'", 5), "a process that has ended is waiting")
    ok(page.ask("label('extension').classList.contains('gone') && box('web').getAttribute('transform')") == before,
       "its channels are shown as closed, and nothing moves")
    system.restart("extension")
    ok(page.until("box('extension').classList.contains('flash')", 5), "it flashes when it is back")
    ok(page.ask("box('extension').querySelector('.counter').textContent") == "↻ 1" and
       page.ask("document.getElementById('restarts').textContent") == "1", "its counter rises")
    ok(page.ask("document.getElementById('told').textContent").startswith("extension was started again, restart 1."),
       "and those who listen are told")
    ok(page.until("!label('extension').classList.contains('gone')", 5), "its channels are there again")
    row = page.ask("rows('processes').find(row => row[0] === 'extension')")
    ok(row[3:5] == ["1", "0.41 ms"], "the table says how long it took", row)
    page.ask("document.getElementById('crash').click()")
    ok(page.until("document.getElementById('told').textContent.includes('answered 503')", 5) and
       page.until("box('extension').querySelector('.counter').textContent === '↻ 2'", 5), "the button crashes it again")
    page.end()


def test_gone(browser):
    system = mock_system.System()
    page = Page(browser, system)
    system.broken = "gone"
    page.server.shutdown()
    page.server.server_close()
    ok(page.until("!document.getElementById('lost').hidden", 6), "a server that is gone is said to be")
    ok("last figures" in page.ask("document.getElementById('lost').textContent") and
       page.ask("document.querySelectorAll('.box').length") == 7, "and what it said last stays")
    system.broken = None
    page.server = mock_system.serve(system, page.server.server_address[1])
    ok(page.until("document.getElementById('lost').hidden", 8), "when it is back, all goes on")
    for broken, text in (("json", "no JSON"), (500, "answers 500")):
        system.broken = broken
        ok(page.until(f"document.getElementById('lost').textContent.includes('{text}')", 6), f"an answer that is none: {text}")
    system.broken = None
    page.until("document.getElementById('lost').hidden", 6)
    page.ask("document.getElementById('pause').click()")
    time.sleep(0.3)
    asked = system.asked
    time.sleep(2.2)
    paused = system.asked == asked
    page.ask("document.getElementById('pause').click()")
    ok(paused and page.until("document.getElementById('pause').getAttribute('aria-pressed') === 'false'") and
       wait_for(lambda: system.asked > asked), "it can be told to pause, and to go on")
    page.end()


def wait_for(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_people(browser):
    page = Page(browser, mock_system.System())
    names = []
    for _ in range(40):
        page.key("Tab")
        names.append(page.ask("document.activeElement.classList.contains('box') ? document.activeElement.querySelector('.name').textContent "
                              ": document.activeElement.id || document.activeElement.className"))
        if names[-1] == "web":
            break
    ok(names[-1] == "web" and {"supervision", "pause", "crash"} <= set(names), "all that can be used is reached by key", names)
    ok(page.ask("document.querySelectorAll('.box.near').length") == 6 and
       page.ask("getComputedStyle(document.getElementById('picture')).display") == "block" and
       page.until("getComputedStyle(box('scripts')).opacity < 0.3", 3), "a box that is looked at shows what it has to do with")
    ok(page.ask("box('web').getAttribute('aria-label')").startswith("web, running, 0 restarts. 102 MiB of 256 MiB. Client of ") and
       "Serves web" in page.ask("box('files').getAttribute('aria-label')"), "and is read out", page.ask("box('files').getAttribute('aria-label')"))
    page.key("Escape")
    ok(page.ask("document.querySelectorAll('.pointed').length") == 0, "until the key Escape")
    page.end()
    for dark in (False, True):
        page = Page(browser, mock_system.System(), dark=dark)
        least = page.ask("""Math.min(...['running', 'starting', 'waiting', 'stopped', 'given-up'].map(kind => {
          box('web').dataset.phase = kind; const style = getComputedStyle(box('web').querySelector('.phase'));
          return contrast(style.fill, getComputedStyle(document.querySelector('section')).backgroundColor); }),
          contrast(getComputedStyle(box('web').querySelector('.small')).fill, getComputedStyle(document.querySelector('section')).backgroundColor),
          contrast(getComputedStyle(document.querySelector('header p')).color, getComputedStyle(document.body).backgroundColor))""")
        ok(least >= 4.5, f"text can be read, {'dark' if dark else 'light'}: contrast of 4.5 and more", least)
        page.end()
    page = Page(browser, mock_system.System(), width=400, height=800)
    ok(page.ask("document.documentElement.scrollWidth") <= 400 and
       page.ask("[...document.querySelectorAll('.box, .label')].every(one => one.getBoundingClientRect().right <= 400)"),
       "400 pixels are enough")
    ok(page.ask("[...document.querySelectorAll('.label')].every(one => [...document.querySelectorAll('.shell')].every(other => !overlap(one, other)))")
       and page.ask("parseFloat(getComputedStyle(box('web').querySelector('.small')).fontSize) * "
                    "document.getElementById('picture').getBoundingClientRect().width / "
                    "document.getElementById('picture').viewBox.baseVal.width") > 9, "and what is in them can be read")
    page.end()
    page = Page(browser, mock_system.System(), still=True)
    page.until("document.querySelector('.busy .flow')")
    ok(page.ask("getComputedStyle(document.querySelector('.busy .flow')).animationName") == "none",
       "nothing moves for those who want it still")
    page.end()


def test_hostile(browser):
    system = mock_system.System()
    name = "<img src=x onerror=alert(1)>"
    system.extra = [{"number": 500, "name": name, "parent": 1, "phase": "<b>", "restarts": 0, "memory": 5}, {"number": 501},
                    {"number": 502, "name": "web", "phase": "running"}]
    page = Page(browser, system)
    ok(page.shown and page.ask("document.querySelectorAll('img').length") == 0 and name in
       page.ask("rows('processes').map(row => row[0])"), "names are text, whatever they are")
    ok(page.ask("document.querySelectorAll('.box').length") == 10, "and processes of one name are two")
    ok(page.problems() == [], "nothing of it fails", page.problems())
    page.end()
    system = mock_system.System()
    system.extra = [{"number": 1000 + i, "name": "worker-%d" % i, "phase": "running", "memory": i, "memory_limit": 99} for i in range(60)]
    for i in range(57):
        system.processes["worker-%d" % i] = {**system.extra[i], "cpu": 0, "since": 1, "calls": 0, "messages": 0, "cpu_ns": 0,
                                             "restarts": 0}
        system.channels.append(("worker-%d" % i, "worker-%d" % ((i * 7 + 3) % 57), "files", "REQUEST", 1, 0.01))
        system.messages.append([0, 0])
    system.extra = []
    page = Page(browser, system)
    ok(page.shown and page.until("document.querySelectorAll('.box').length === 64"), "64 processes whose channels go in circles")
    took = page.ask("(() => { const begin = performance.now(); document.getElementById('supervision').click(); "
                    "return performance.now() - begin; })()")
    ok(took < 1500, "are laid out soon enough", took)
    page.end()


def test_system(browser, address):
    """The real system, at that address, with requests of its own."""
    def ask(path):
        with urllib.request.urlopen(address + path, timeout=5) as answer:
            return answer.read()

    browser.open(address + "/status")
    ok(browser.until("document.documentElement.dataset.shown"), "the system's own page, from its web server")
    browser.ask(HELPERS)
    names = ["console", "extension", "files", "network", "scripts", "supervisor", "web"]
    ok(browser.ask("[...document.querySelectorAll('.box .name')].map(one => one.textContent).sort()") == names and
       browser.ask("[...document.querySelectorAll('.box .phase')].every(one => one.textContent === 'running')"),
       "its processes, running", browser.ask("rows('processes')"))
    channels = {tuple(row[:3]) for row in browser.ask("rows('channels')")}
    wanted = {("web", "network", "stream"), ("web", "network", "listener"), ("web", "files", "files"), ("web", "extension", "extension"),
              ("web", "supervisor", "observation"), ("extension", "scripts", "files"), ("web", "console", "files")}
    ok(wanted <= channels and not any(row[2] == "another contract" and row[0] != row[1] for row in channels), "its channels, each with its contract", channels)
    before = int("".join(one for one in browser.ask("document.getElementById('requests').textContent") if one.isdigit()))
    for _ in range(50):
        ask("/")
    ok(browser.until("[...document.getElementById('requests').textContent].filter(one => one >= '0' && one <= '9').join('') "
                     f">= {before + 50}", 5), "requests are counted")
    text = "parseFloat((label('files') || {querySelector: () => ({textContent: ''})}).querySelector('.state').textContent.split('· ').pop())"
    for _ in range(40):
        for _ in range(20):
            ask("/ext/hello")
        if browser.ask(text + " > 0"):
            break
        time.sleep(0.1)
    ok(browser.ask(text) > 0, "messages are seen on their channels")
    browser.ask("document.getElementById('crash').click()")
    ok(browser.until("document.getElementById('told').textContent.includes('answered 503')", 5) and
       browser.until("box('extension').classList.contains('flash')", 5), "a crash of the extension costs its request a 503, and is seen")
    row = browser.ask("rows('processes').find(row => row[0] === 'extension')")
    ok(row[1] == "running" and row[3] == "1" and 0 < float(row[4].split()[0]) < 100, "it is back", row)
    ok(b"Hello, again!" in ask("/ext/hello?name=again"), "and answers")
    complaints = [text for text in browser.problems() if "503" not in text]
    ok(complaints == [], "nothing fails, or is refused by the content security policy", complaints)


def photograph_system(browser, address, path):
    browser.open(address + "/status", width=1200, height=1000)
    browser.until("document.documentElement.dataset.shown")
    time.sleep(20)
    browser.ask("document.getElementById('crash').click()")
    time.sleep(7)
    browser.photograph(path)


def main():
    browser = Browser()
    try:
        if sys.argv[1:2] == ["photograph-system"]:
            photograph_system(browser, *sys.argv[2:4])
            return 0
        if sys.argv[1:2] == ["system"]:
            test_system(browser, sys.argv[2])
            print(f"1..{tests}")
            return failures != 0
        for test in (test_drawing, test_restart, test_gone, test_people, test_hostile):
            test(browser)
    finally:
        browser.close()
    print(f"1..{tests}")
    return failures != 0


sys.exit(main())
