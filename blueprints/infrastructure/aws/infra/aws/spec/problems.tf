# Why a product cannot be provisioned as it is, told before anything is made.
locals {
  no_columns     = [for name in [local.spec.dataset.name] : name if length(local.columns) == 0]
  no_environment = [for name in [var.environment] : name if length(local.environments) > 0 && !contains(keys(local.environments), name)]
  twice          = [for name in keys(var.variables) : name if contains(var.secrets, name)]

  # With trigger@1, the run asks a catalog.
  no_catalog_to_ask = [for name in ["MESHWRIGHT_CATALOG"] : name if local.asks && !contains(local.known, name)]

  problems = concat(
    [for cron in local.no_times : "spec.traits: '${cron}' is not a valid schedule: minute, hour, day of the month, month, day of the week."],
    [for name in local.no_catalog_to_ask : "trigger@1 asks the organisation's catalog: give its address in `variables`, as ${name}."],
    [for name in local.no_environment : "spec.environments has no ${name}, only ${join(", ", keys(local.environments))}."],
    [for name in local.missing : "${name} has no default and no value: say it in `variables`, or its secret's ARN in `secrets`."],
    [for name in local.twice : "${name} is in `variables` and in `secrets`: it can have one value."],
    [for name in local.lost : "The port ${name} would write to the disk of a container: make its path one variable, or an s3:// URL."],
    [for name in local.no_catalog : "The port ${name} has no catalog, and no SQLite file can be one in S3: name a `catalog`."],
    [for name in local.elsewhere : "The port ${name} needs `namespace: ${local.database}`, which is the product's own database."],
    [for name in local.no_columns : "The contract has no columns for ${name}."],
    [for name in local.untyped : "The contract's column ${name} has no type that Glue knows: give it a physicalType, such as array<string>."],
  )
}
