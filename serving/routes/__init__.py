"""The routes, one HTTP noun a module. Each has ``add_routes(app, service)``."""
