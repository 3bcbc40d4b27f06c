"""The server: what answers on the port of the app. ``main.py`` is the script that it runs for each visitor."""

from streamlit.starlette import App

from pages.server.layers import LAYERS
from pages.server.lifespan import lifespan

app = App("main.py", middleware=LAYERS, lifespan=lifespan)
