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

  format = { for name, port in local.bindings.outputs : name => split("@", port.uses)[0] }
  paths = {
    for name, port in local.bindings.outputs : name => port.properties.path
    if contains(concat(keys(local.formats), ["iceberg"]), local.format[name]) && can(port.properties.path)
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
    for name, place in local.places : name => merge(local.formats[local.format[name]], {
      table    = replace(name, "-", "_")
      location = "${place}/${local.formats[local.format[name]].folder}"
    }) if contains(keys(local.formats), local.format[name])
  }

  # An Iceberg table is what its last commit says, so the run makes it. Its catalog is Glue, unless the variables of
  # pyiceberg say something else of it.
  iceberg = {
    for name, port in local.bindings.outputs : name => {
      catalog   = try(port.properties.catalog, "")
      namespace = try(port.properties.namespace, replace(local.metadata.domain, "-", "_"))
      glue = can(port.properties.catalog) && !anytrue([
        for variable in concat(keys(var.variables), tolist(var.secrets)) :
        startswith(variable, "PYICEBERG_CATALOG__${upper(port.properties.catalog)}__")
      ])
    } if local.format[name] == "iceberg"
  }
  glue_catalogs = { for port in values(local.iceberg) : "PYICEBERG_CATALOG__${upper(port.catalog)}__TYPE" => "glue"... if port.glue }
  glue_ports    = [for name, port in local.iceberg : name if port.glue]
  no_catalog    = [for name, port in local.iceberg : name if port.catalog == ""]
  elsewhere     = [for name, port in local.iceberg : name if port.glue && port.namespace != local.database]
}
