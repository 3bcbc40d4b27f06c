"""A stop watch inside the page: from the hand's event until the answer is painted, without what driving it costs.

A test driver that asks a page many times a second whether a heading can be seen takes more of the page's time than
the page itself; so the page looks for itself, once a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page

_WATCH = """
window.watch = { began: null, answer: null };
for (const kind of ["pointerup", "keydown", "click"]) {
  addEventListener(kind, () => {
    if (window.watch.armed) { window.watch.began = performance.now(); window.watch.armed = false; } }, true);
}
window.atRest = () => document.querySelector("[data-test-script-state=notRunning]")
  && !document.querySelector("[data-testid=stSkeleton]");
window.plotOf = (key) => document.querySelector(`[class*='${key}'] .js-plotly-plot`);
window.heatOf = (key) => document.querySelector(`[class*='${key}'] .heat-map`)?.heat;
window.isDrawn = (key) => window.plotOf(key)?._fullData || window.heatOf(key)?.drawn || window.mapOf(key)?.drawn;
window.mapOf = (key) => document.querySelector(`[class*='${key}'] .cell-map`)?.map;
"""
# Painted is the frame after the one in which all is there.
_ARM = """([ready, argument]) => {
  const isReady = new Function("before", "argument", "return " + ready);
  const before = {};
  window.watch = { armed: true, began: null };
  isReady(before, argument);
  before.seen = true;
  window.watch.answer = new Promise((resolve) => {
    const look = () => {
      if (window.watch.began !== null && window.atRest() && isReady(before, argument))
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - window.watch.began)));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""
# Conditions, in JavaScript. They are evaluated once before the action (``before`` is then empty) to record the state.
HEADING = "document.querySelector('h1')?.textContent.trim() === argument"
CHANGED = """(() => {
  const data = window.plotOf(argument)?.data;
  if (!before.seen) { before.data = data; return false; }
  return data && data !== before.data;
})()"""
MAP_CHANGED = """(() => {
  const map = window.mapOf(argument);
  if (!before.seen) { before.drawn = map?.drawn; return false; }
  return map?.drawn && map.drawn !== before.drawn && map.drawn === map.data;
})()"""
HEAT_CHANGED = """(() => {
  const heat = window.heatOf(argument);
  if (!before.seen) { before.drawn = heat?.drawn; return false; }
  return heat?.drawn && heat.drawn !== before.drawn && heat.drawn === heat.shown;
})()"""
BARS_CHANGED = """(() => {
  const panel = document.querySelector(`[class*='${argument}'] .bar-panel`)?.panel;
  if (!before.seen) { before.panel = panel; return false; }
  return panel && panel !== before.panel;
})()"""
MAPS_DRAWN = """(() => {
  const maps = [...document.querySelectorAll('.cell-map')].map((each) => each.map);
  return document.querySelector('h1')?.textContent.trim() === argument && maps.length > 1
    && maps.every((each) => each?.drawn && each.drawn === each.data);
})()"""


def watched(context: BrowserContext) -> None:
    """Install the stop watch in every page of a visitor."""
    context.add_init_script(_WATCH)


def timed(page: Page, hand: Callable[[], Any], ready: str, argument: Any = None) -> float:
    """Milliseconds from the first event of ``hand`` until ``ready`` is true, nothing runs and all is painted."""
    page.evaluate(_ARM, [ready, argument])
    hand()
    return float(page.evaluate("() => window.watch.answer"))


class Traffic:
    """Bytes received and sent by a page's web socket."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        page.on("websocket", self._listen)

    def _listen(self, socket: Any) -> None:
        for event in ("framereceived", "framesent"):
            socket.on(event, self._count)

    def _count(self, payload: str | bytes) -> None:
        self.bytes += len(payload)
