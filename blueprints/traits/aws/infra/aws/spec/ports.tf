# Ports that are files: where each lies, and what a table of the Glue Data Catalog has to say to read it.
locals {
  parquet = {
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    library       = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
  }
  formats = {
    parquet = merge(local.parquet, { folder = "", parameters = { classification = "parquet" } })
    delta = merge(local.parquet, {
      folder     = "${local.spec.dataset.name}/"
      parameters = { classification = "delta", table_type = "DELTA", "spark.sql.sources.provider" = "delta" }
    })
  }

  paths = {
    for name, port in local.bindings.outputs : name => port.properties.path
    if can(local.formats[split("@", port.uses)[0]]) && can(port.properties.path)
  }
  # A path that is one variable, and nobody says what it is: the port lies in the product's own bucket.
  own_variables = {
    for name, path in local.paths : regex("^\\$\\{([A-Za-z_][A-Za-z0-9_]*)", path)[0] => name...
    if can(regex("^\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^$\\{\\}]*)?\\}$", path))
  }
  own = {
    for variable, names in local.own_variables : variable => "s3://${local.bucket}/${names[0]}"
    if !contains(keys(var.variables), variable) && !contains(var.secrets, variable)
  }
  # Variables replaced, piece by piece: a text, or `$${NAME}`, or `$${NAME:-default}`.
  places = {
    for name, path in local.paths : name => trimsuffix(join("", [
      for piece in regexall("\\$\\{[^\\}]*\\}|[^$]+|\\$", path) : try(
        local.given[regex("^\\$\\{([A-Za-z_][A-Za-z0-9_]*)", piece)[0]],
        regex("^\\$\\{[A-Za-z_][A-Za-z0-9_]*:-([^\\}]*)\\}$", piece)[0],
        piece,
      )
    ]), "/")
  }
  # What is written to the disk of a container is gone when it ends.
  lost = sort([for name, place in local.places : name if !startswith(place, "s3://")])

  tables = {
    for name, place in local.places : name => merge(local.formats[split("@", local.bindings.outputs[name].uses)[0]], {
      table    = replace(name, "-", "_")
      location = "${place}/${local.formats[split("@", local.bindings.outputs[name].uses)[0]].folder}"
    })
  }
}
