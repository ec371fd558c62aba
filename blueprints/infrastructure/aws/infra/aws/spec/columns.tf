# Types of the contract's columns, as Glue (Hive) calls them. A physicalType that is known decides, else the logicalType.
locals {
  physical = merge([
    for type, names in {
      "tinyint"       = ["tinyint", "int1", "int8"]
      "smallint"      = ["smallint", "short", "int2", "int16"]
      "int"           = ["int", "integer", "int4", "int32", "utinyint", "usmallint"]
      "bigint"        = ["bigint", "long", "int64", "uinteger"]
      "decimal(38,0)" = ["hugeint", "ubigint"]
      "decimal(18,3)" = ["decimal", "numeric"]
      "float"         = ["float", "real", "float4", "float32"]
      "double"        = ["double", "double precision", "float8", "float64"]
      "boolean"       = ["boolean", "bool"]
      "date"          = ["date", "date32"]
      "timestamp" = [
        "timestamp", "datetime", "timestamptz", "timestamp_ntz", "timestamp_ltz", "timestamp_s", "timestamp_ms",
        "timestamp_us", "timestamp_ns", "timestamp with time zone", "timestamp without time zone",
      ]
      "string" = ["string", "text", "varchar", "char", "character varying", "uuid", "json", "enum"]
      "binary" = ["binary", "varbinary", "blob", "bytea", "bytes"]
    } : { for name in names : name => type }
  ]...)
  logical = {
    string    = "string"
    integer   = "bigint"
    number    = "double"
    boolean   = "boolean"
    date      = "date"
    timestamp = "timestamp"
    time      = "bigint" # Hive knows no time of day; Parquet stores microseconds since midnight
  }

  columns = flatten([
    for table in try(var.contract.schema, []) : try(table.properties, []) if table.name == local.spec.dataset.name
  ])
  # HCL has no recursion, so it goes three levels deep: a column, what is in it, and what is in that. Key: places.
  level_0 = { for place, column in local.columns : tostring(place) => column }
  level_1 = merge([
    for key, part in local.level_0 : {
      for place, inner in concat(try(part.properties, []), try([part.items], [])) : "${key}.${place}" => inner
    }
  ]...)
  level_2 = merge([
    for key, part in local.level_1 : {
      for place, inner in concat(try(part.properties, []), try([part.items], [])) : "${key}.${place}" => inner
    }
  ]...)

  # Of a part by itself, without what is in it; "" if that cannot be said.
  simple = {
    for key, part in merge(local.level_0, local.level_1, local.level_2) : key => try(
      local.physical[replace(lower(part.physicalType), "/^(var|)char.*\\(.*/", "varchar")],
      format("decimal(%s,%s)", regex("^(?i:decimal|numeric)\\(\\s*([0-9]+)\\s*,\\s*([0-9]+)\\s*\\)$", part.physicalType)...),
      format("decimal(%s,0)", regex("^(?i:decimal|numeric)\\(\\s*([0-9]+)\\s*\\)$", part.physicalType)...),
      regex("^(?:struct|array|map)<.*>$", part.physicalType),
      local.logical[part.logicalType],
      "",
    )
  }
  types_1 = merge(local.simple, {
    for key, part in local.level_1 : key => (
      part.logicalType == "array"
      ? "array<${local.simple["${key}.0"]}>"
      : "struct<${join(",", [for place, inner in part.properties : "${inner.name}:${local.simple["${key}.${place}"]}"])}>"
    ) if local.simple[key] == "" && (can(part.items) || can(part.properties))
  })
  types = merge(local.types_1, {
    for key, part in local.level_0 : key => (
      part.logicalType == "array"
      ? "array<${local.types_1["${key}.0"]}>"
      : "struct<${join(",", [for place, inner in part.properties : "${inner.name}:${local.types_1["${key}.${place}"]}"])}>"
    ) if local.simple[key] == "" && (can(part.items) || can(part.properties))
  })

  glue_columns = [
    for place, column in local.columns : {
      name    = lower(column.name)
      type    = local.types[tostring(place)]
      comment = substr(replace(try(column.description, ""), "/\\s+/", " "), 0, 255)
    }
  ]
  untyped = [for column in local.glue_columns : column.name if column.type == "" || can(regex("[<:,][,>]", column.type))]
}
