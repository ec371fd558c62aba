"""What the catalog answers: its HTTP API, and its pages; one module a subject."""

from __future__ import annotations

from meshwright.serve.routes import (
    assessment_routes,
    contract_routes,
    feed_routes,
    lineage_routes,
    login_routes,
    mesh_routes,
    page_routes,
    product_routes,
    sample_routes,
    service_routes,
)

ROUTERS = tuple(
    module.router
    for module in (
        service_routes,
        product_routes,
        contract_routes,
        sample_routes,
        feed_routes,
        mesh_routes,
        assessment_routes,
        lineage_routes,
        login_routes,
        page_routes,
    )
)
