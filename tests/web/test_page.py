#!/usr/bin/env python3
"""The page in headless Chromium: test_page.py GLINT CAPTURE WHAT [PICTURE]. Exit status 77 where there is no Chromium.

WHAT is view (a log: timeline, keys, counts against the JSON lines), serve (recorded input, live to the page) or token."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402


def check(what, good, *values):
    if not good:
        raise SystemExit(f"FAILED: {what} {values}")
    print(f"ok: {what}")


def start(command):
    p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = p.stdout.readline().strip()
    check("the address is printed", re.match(r"http://127\.0\.0\.1:\d+/$", url), url)
    return p, url


def stop(p):
    p.terminate()
    check("ends with 0 at SIGTERM", p.wait(20) == 0, p.returncode)


# Pixels that are not the background, where points are drawn: read back from the canvas itself.
LIT = """(() => {
  const s = glint.scene, gl = s.gl;
  s.draw(performance.now());
  const w = gl.drawingBufferWidth, h = gl.drawingBufferHeight, p = new Uint8Array(4 * w * h);
  gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, p);
  const back = s.look.back.map((c) => Math.round(c * 255));
  let n = 0;
  for (let i = 0; i < p.length; i += 4)
    if (Math.abs(p[i] - back[0]) + Math.abs(p[i + 1] - back[1]) + Math.abs(p[i + 2] - back[2]) > 24) n++;
  return n;
})()"""


def lines_of(glint, capture):
    text = subprocess.run([glint, "run", capture], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in text.splitlines()]


def view(glint, capture, picture):
    lines = lines_of(glint, capture)
    p, url = start([glint, "view", capture, "--bind", ":0"])
    with browser.Browser(1400, 860) as b:
        b.open(url)
        b.wait("window.glint && glint.frames > 0")
        check("points are those of the frame", b.evaluate("glint.scene.points.n") == lines[0]["points"])
        check("boxes are those of the JSON", b.evaluate("glint.scene.frame.info.boxes.length") == len(lines[0]["boxes"]))
        got, want = b.evaluate("glint.scene.frame.info.boxes[0]"), lines[0]["boxes"][0]
        check("a box is the JSON's", got["label"] == want["label"] and all(
            abs(a - c) < 2e-3 for k in ("center", "size", "velocity") for a, c in zip(got[k], want[k])), got, want)
        for key in "bg":  # without boxes and rings only points are seen
            b.key(key)
        points = b.evaluate(LIT)
        check("points are drawn", points > 5000, points)
        b.key("p")
        nothing = b.evaluate(LIT)
        check("without points nothing is", nothing == 0, nothing)
        b.key("b")
        boxes = b.evaluate(LIT)
        check("boxes are drawn", boxes > 1000, boxes)
        for key in "pg":
            b.key(key)

        for i in (1, 2, 3):
            b.key("ArrowRight")
            b.wait(f"glint.scene.frame.info.frame === {i}")
            check(f"step to frame {i}", b.evaluate("glint.scene.frame.info.boxes.length") == len(lines[i]["boxes"]))
        b.key("ArrowLeft")
        b.wait("glint.scene.frame.info.frame === 2")
        b.key("End")
        b.wait(f"glint.scene.frame.info.frame === {len(lines) - 1}")
        b.wait("glint.timeline.complete")
        check("the log's length is known", b.evaluate("glint.timeline.total()") == len(lines))
        b.key("Home")
        b.wait("glint.scene.frame.info.frame === 0")
        begun = time.monotonic()
        b.key(" ")
        b.wait(f"glint.scene.frame.info.frame === {len(lines) - 1}")
        seconds = time.monotonic() - begun
        check("plays at the log's pace", 0.5 < seconds < 10, seconds)
        for key in "123456":
            b.key(key)
            check(f"colour {key}", b.evaluate(LIT) > 3000)
        b.key("3")
        check("latency of every stage is shown", b.evaluate("document.querySelectorAll('#bars .row').length") == len(
            lines[0]["latency_us"]) - 1, lines[0]["latency_us"])
        b.key("?")
        check("help opens", b.evaluate("document.getElementById('help').open"))
        b.key("Escape")
        b.evaluate("document.getElementById('help').close()")
        if picture:
            b.evaluate("document.documentElement.dataset.theme !== 'dark' && document.getElementById('theme').click()")
            time.sleep(0.5)
            b.screenshot(picture)
        check("nothing from elsewhere was loaded", b.evaluate(
            "performance.getEntriesByType('resource').every((e) => e.name.startsWith(location.origin))"))
        check("no errors", not b.errors, b.errors)
    stop(p)


def serve(glint, capture, _):
    p, url = start([glint, "serve", capture, "--loop", "--speed", "2", "--bind", ":0"])
    with browser.Browser() as b:
        b.open(url)
        b.wait("window.glint && glint.frames > 12")
        check("live", b.evaluate("document.getElementById('mode').textContent") == "live")
        check("no timeline", b.evaluate("getComputedStyle(document.getElementById('timeline')).display") == "none")
        points = b.evaluate(LIT)
        check("points are drawn", points > 5000, points)
        b.key(" ")
        time.sleep(0.3)
        n = b.evaluate("glint.frames")
        time.sleep(0.6)
        check("paused", b.evaluate("glint.frames") == n)
        b.key(" ")
        b.wait(f"glint.frames > {n}")
        check("no errors", not b.errors, b.errors)
    stop(p)


def token(glint, capture, _):
    env = dict(os.environ, GLINT_TOKEN="letters-4-a-test")
    p = subprocess.Popen([glint, "serve", capture, "--loop", "--model", "none", "--bind", ":0"], stdout=subprocess.PIPE, text=True, env=env)
    url = p.stdout.readline().strip()
    with browser.Browser() as b:
        b.open(url)
        b.wait("window.glint && glint.frames > 0")
        check("the printed address lets in", not b.errors, b.errors)
        b.open(url.split("?")[0])
        b.wait("document.getElementById('token') && document.getElementById('token').open")
        b.evaluate("document.getElementById('secret').value = 'letters-4-a-test'; document.querySelector('#token button').click()")
        b.wait("window.glint && glint.frames > 0")
        check("a token that is asked for lets in", True)
        p.kill()
        p.wait()
        b.wait("document.getElementById('mode').textContent === 'not connected'")
        check("a server that is gone is told", True)


def main():
    glint, capture, what = sys.argv[1:4]
    if not browser.find():
        print("no chromium: skipped")
        return 77
    {"view": view, "serve": serve, "token": token}[what](glint, capture, sys.argv[4] if len(sys.argv) > 4 else None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
