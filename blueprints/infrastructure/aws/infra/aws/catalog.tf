# The Glue Data Catalog: a database for the product, a table for each port of Parquet or Delta files.
# The run keeps the table of an Iceberg port there itself.
resource "aws_glue_catalog_database" "product" {
  name        = module.spec.database
  description = "Data product ${var.product.metadata.name} of ${var.product.metadata.domain}, ${var.environment}."
}

resource "aws_glue_catalog_table" "port" {
  for_each = module.spec.tables

  database_name = aws_glue_catalog_database.product.name
  name          = each.value.table
  description   = "Port ${each.key}, data set ${var.product.spec.dataset.name}."
  table_type    = "EXTERNAL_TABLE"
  parameters    = merge({ EXTERNAL = "TRUE" }, each.value.parameters)

  storage_descriptor {
    location      = each.value.location
    input_format  = each.value.input_format
    output_format = each.value.output_format

    ser_de_info {
      serialization_library = each.value.library
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = module.spec.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}
