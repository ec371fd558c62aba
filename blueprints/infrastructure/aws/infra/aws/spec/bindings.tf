# What is bound in this environment: the base, with what the environment says laid over it.
locals {
  environments = try({ for name, bound in local.spec.environments : name => bound }, {})
  bound        = try(local.environments[var.environment], {})

  base = {
    inputs  = { for input in local.spec.inputs : input.name => input }
    outputs = { for port in local.spec.outputs : port.name => port }
  }
  uses = {
    for kind, entries in local.base : kind => {
      for name, entry in entries : name => try(local.bound[kind][name].uses, entry.uses)
    }
  }
  bindings = {
    for kind, entries in local.base : kind => {
      for name, entry in entries : name => {
        uses = local.uses[kind][name]
        # Properties of another capability mean nothing to this one.
        properties = merge(
          try({ for key, value in entry.properties : key => value if local.uses[kind][name] == entry.uses }, {}),
          try({ for key, value in local.bound[kind][name].properties : key => value }, {}),
        )
      }
    }
  }
  platforms = [try(local.spec.platform.uses, "duckdb@1"), try(local.bound.platform.uses, local.spec.platform.uses, "duckdb@1")]
  platform = merge(
    try({ for key, value in local.spec.platform.properties : key => value if local.platforms[0] == local.platforms[1] }, {}),
    try({ for key, value in local.bound.platform.properties : key => value }, {}),
  )

  # `$${NAME}` and `$${NAME:-default}`: [name, default] each, without a default [name, null].
  texts = jsonencode([local.platform, local.bindings])
  named = distinct(regexall("\\$\\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^$\\{\\}]*))?\\}", local.texts))

  given     = merge(local.own, { for name, values in local.glue_catalogs : name => values[0] }, var.variables)
  missing   = sort(distinct([for found in local.named : found[0] if found[1] == null && !contains(local.known, found[0])]))
  defaulted = sort(distinct([for found in local.named : found[0] if found[1] != null && !contains(local.known, found[0])]))
  known     = concat(keys(local.given), tolist(var.secrets))

  # What a run leaves for the next one: the disk of a container is gone when it ends. No port's name begins with `_`.
  state = contains(tolist(var.secrets), "PIPELINE_STATE") ? {} : { PIPELINE_STATE = "s3://${local.bucket}/_state" }

  command = concat(
    ["python", "-m", "pipeline", "--log-format", "json"],
    contains(keys(local.environments), var.environment) ? ["--environment", var.environment] : [],
    local.asks ? ["--if-ready", "--exit-if-waiting", "5"] : [],
  )
}
