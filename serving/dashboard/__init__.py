"""The dashboard: pages for people, drawn in the browser from what the API answers.

The server hands out files and one snapshot; everything else the pages ask of ``/v1/…`` like any other client. So there
is no second truth, no state by client, and nothing that runs while nobody looks.

pages.py       the routes: the page at ``/``, its files at ``/dashboard/…``, the snapshot. Read this first
files.py       those files, and the headers that keep everything else out
snapshot.py    what the overview shows, computed once a second however many look
login.py       the page that turns the API key into a cookie
static/        the page itself: ``app.js`` begins, ``pages/`` has a module a page, ``charts/`` draws
"""

from serving.dashboard.pages import add_routes

__all__ = ["add_routes"]
