"""One hint on each of the first three pages; once read, it stays away in that browser, and nothing is sent for it."""

from __future__ import annotations

import streamlit as st

HINTS = {
    "data": "Open a demo: it is a finished run with known true matches, so every page has something to show. Or load "
    "one file per modality below.",
    "propensity": "First compare each modality's loss with its label entropy. If the loss is not below the entropy, "
    "the modality cannot distinguish the labels, and its cells are matched at random within each label.",
    "match": "Drag epsilon to set how many matches a cell may have; “effective matches” shows how many it has.",
}

_HTML = """
<section id="hint" aria-label="Hint" hidden>
  <p><strong id="place"></strong> <span id="text"></span></p>
  <button id="read" type="button">Got it</button>
</section>
"""
_CSS = """
#hint { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; padding: .6rem .9rem; margin: 0;
  border: 1px solid var(--st-border-color); border-left: 4px solid var(--st-primary-color);
  border-radius: var(--st-base-radius); color: var(--st-text-color); font-family: var(--st-font);
  font-size: .92rem; line-height: 1.5; background: var(--st-secondary-background-color); }
#hint[hidden] { display: none; }
#hint p { margin: 0; flex: 1 1 18rem; }
#hint button { font: inherit; color: var(--st-text-color); background: var(--st-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); padding: .3rem .8rem; }
#hint button:hover, #hint button:focus-visible { border-color: var(--st-primary-color); }
#hint button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
# Without storage (private windows, blocked cookies) the hints are simply shown again.
_JS = """
export default function ({ parentElement, data }) {
  const key = "psmatch.hint." + data.page;
  const find = (id) => parentElement.querySelector("#" + id);
  let read = false;
  try { read = window.localStorage.getItem(key) !== null; } catch (error) { read = false; }
  find("place").textContent = data.place;
  find("text").textContent = data.text;
  find("hint").hidden = read;
  find("read").onclick = () => {
    find("hint").hidden = true;
    try { window.localStorage.setItem(key, "read"); } catch (error) { /* shown again next time */ }
  };
}
"""
_show = st.components.v2.component("psmatch_hint", html=_HTML, css=_CSS, js=_JS)


def hint(page: str) -> None:
    """Show the hint of a page, unless it was read before in this browser."""
    if page in HINTS:
        place = f"Hint {list(HINTS).index(page) + 1} of {len(HINTS)}."
        _show(key=f"hint.{page}", data={"page": page, "place": place, "text": HINTS[page]}, height="content")
