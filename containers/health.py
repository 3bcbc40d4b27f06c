"""Whether the app in this container answers, asked by the name that it answers to; exit code 0 if it does."""

import os
from urllib.request import Request, urlopen

PORT = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
BASE = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
NAME = os.environ.get("STREAMLIT_SERVER_ALLOWED_HOSTS", "localhost").split(",")[0]

path = f"/{BASE}/_stcore/health" if BASE else "/_stcore/health"
with urlopen(Request(f"http://127.0.0.1:{PORT}{path}", headers={"Host": NAME}), timeout=8) as answer:
    raise SystemExit(0 if answer.read() == b"ok" else 1)
