"""What the catalog answers: its HTTP API, and its pages; one module a subject."""

from __future__ import annotations

from meshwright.serve.routes import assessments, mesh, pages, products, service

ROUTERS = tuple(module.router for module in (service, products, mesh, assessments, pages))
