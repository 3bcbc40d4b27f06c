"""The layers that a request passes before Streamlit, from the outside in."""

from starlette.middleware import Middleware

from pages.server.door import Door, take_secret
from pages.server.guard import Guard
from pages.server.headers import SafeHeaders
from pages.server.uploads import UploadsAfterLogin

LAYERS = [
    Middleware(SafeHeaders),
    Middleware(Guard),
    Middleware(Door, secret=take_secret()),
    Middleware(UploadsAfterLogin),
]
