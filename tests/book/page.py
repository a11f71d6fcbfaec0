"""Opens the book's pages in headless Chromium.

    python3 tests/book/page.py SITE [--out SCREENSHOTS]

SITE is what tests/book/site.cmake or `./run book` has made.  Every chapter must fit 1280 and 390 pixels, with tables and code that
scroll by themselves, and must find all that it asks for; search must find a word; on a narrow screen the menu must open.
Exit status 0: all as expected; 77: skipped, there is no Chromium or no site.  Needs the standard library and chromium.
"""
import argparse
import functools
import http.server
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from browser import Browser, check, exit_without_browser, failures, wait_for  # noqa: E402


def serve(site):
    """Serves the folder; returns its address and the list that fills with what was asked for in vain."""
    missing = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

        def send_error(self, code, *words, **more):
            missing.append(self.path)
            super().send_error(code, *words, **more)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", missing


def open_page(browser, address):
    browser.call("Page.navigate", url=address)
    wait_for(lambda: browser.value(f"document.readyState === 'complete' && location.href === '{address}'"), address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("site", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    exit_without_browser()
    pages = sorted(arguments.site.glob("*/[0-9]*_*.html"))
    if not pages:
        print("skipped: there is no site  [./run book]")
        sys.exit(77)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        if arguments.out:
            arguments.out.mkdir(exist_ok=True)
        address, missing = serve(arguments.site)
        for page in pages:
            open_page(browser, f"{address}/{page.relative_to(arguments.site)}")
            for width in (1280, 390):
                if arguments.out:
                    browser.picture(width, arguments.out / f"{page.stem}_{width}.png")
                browser.resize(width)
                wide = browser.value("document.documentElement.scrollWidth")
                check(wide <= width, f"{page.stem} fits {width} pixels, got {wide}")
            tables = browser.value("[...document.querySelectorAll('.rst-content table:not(.docutils)')].length")
            check(tables == 0, f"{page.stem}: tables have lines")
            check(browser.value("[...document.images].every((i) => i.naturalWidth > 0)"), f"{page.stem}: every picture is there")
        browser.value("document.querySelector('[data-toggle=wy-nav-top]').click()")
        left = "document.querySelector('.wy-nav-side').getBoundingClientRect().left"
        wait_for(lambda: browser.value(left) >= 0, "the menu on a narrow screen", 5)
        check(browser.value(left) >= 0, "the menu opens on a narrow screen")
        open_page(browser, f"{address}/search.html?q=butterfly")
        results = "document.querySelectorAll('#mkdocs-search-results article').length"
        wait_for(lambda: browser.value(results) > 0, "results of a search", 20)
        check(browser.value("document.querySelector('#mkdocs-search-results').textContent").count("GPU") > 0,
              "the search for a word of chapter 10 finds it")
        check(not missing, f"nothing is asked for in vain, got {missing}")
        browser.process.kill()
        browser.process.wait()
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
