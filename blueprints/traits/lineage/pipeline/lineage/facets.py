"""Make OpenLineage's facets, each with the address of the schema that it keeps: https://openlineage.io/spec/facets/."""

from __future__ import annotations

from typing import Any

PRODUCER = "https://meshwright.example.org/pipeline/lineage"
"""Who sends the events, as OpenLineage's `_producer`: a name in the form of a URL, which nobody opens."""
EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
SCHEMAS = {
    "columnLineage": ("ColumnLineageDatasetFacet", "1-2-0"),
    "dataQualityAssertions": ("DataQualityAssertionsDatasetFacet", "1-1-0"),
    "dataQualityMetrics": ("DataQualityMetricsDatasetFacet", "1-0-0"),
    "documentation:dataset": ("DocumentationDatasetFacet", "1-1-0"),
    "documentation:job": ("DocumentationJobFacet", "1-1-0"),
    "errorMessage": ("ErrorMessageRunFacet", "1-0-1"),
    "inputStatistics": ("InputStatisticsInputDatasetFacet", "1-0-0"),
    "jobType": ("JobTypeJobFacet", "2-0-4"),
    "outputStatistics": ("OutputStatisticsOutputDatasetFacet", "1-0-2"),
    "ownership:dataset": ("OwnershipDatasetFacet", "1-0-1"),
    "ownership:job": ("OwnershipJobFacet", "1-0-1"),
    "parent": ("ParentRunFacet", "1-2-0"),
    "processing_engine": ("ProcessingEngineRunFacet", "1-1-1"),
    "schema": ("SchemaDatasetFacet", "1-2-0"),
    "sourceCodeLocation": ("SourceCodeLocationJobFacet", "1-1-0"),
    "symlinks": ("SymlinksDatasetFacet", "1-0-1"),
    "tags": ("TagsRunFacet", "1-0-0"),
}
"""Facet, and where the name means several kinds, whose -> its schema and that one's version."""


def facet(name: str, of: str = "", /, **content: Any) -> dict[str, dict[str, Any]]:
    """Return a facet under its name. `of`: `job` or `dataset`, where both have one of the name."""
    kind, version = SCHEMAS[f"{name}:{of}" if of else name]
    schema = f"https://openlineage.io/spec/facets/{version}/{kind}.json#/$defs/{kind}"
    return {name: {"_producer": PRODUCER, "_schemaURL": schema, **content}}
