"""The server of HTTP: uvicorn, held to limits that it does not have.

Of uvicorn's implementations of HTTP/1.1 the one on httptools is used, which parses in C. That on h11, in Python, bounds
a head by its bytes; neither bounds how long one may take, how many connections there are, nor how slowly a body may
come. `Connection` adds that to the first, with no work for a request but a few additions: once a second the server
looks at all connections, instead of having a timer for each.

server.py       `Server`: says where it is, leaves signals to `up`, and looks after its connections. Read this first
connection.py   `Connection`: one of them, and when it is refused
limits.py       `ConnectionLimits`, and the files that so many connections need
names.py        the names that are the service's own
"""

from infra.server.server import Server

__all__ = ["Server"]
