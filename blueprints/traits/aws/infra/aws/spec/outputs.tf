output "name" {
  description = "What everything of the product in this environment is called, at most 45 characters."
  value       = local.name
}

output "bucket" {
  description = "Name of the bucket."
  value       = local.bucket
}

output "database" {
  description = "Name of the Glue database."
  value       = local.database
}

output "tables" {
  description = "Port -> its table: name, location, format and parameters."
  value       = local.tables
}

output "columns" {
  description = "The contract's columns: name, type and comment."
  value       = local.glue_columns
}

output "command" {
  description = "What the container runs."
  value       = local.command
}

output "variables" {
  description = "Environment variables of the container that are not secret."
  value       = local.given
}

output "schedules" {
  description = "Key -> schedule expression (UTC)."
  value       = local.schedules
}

output "freshness_alarms" {
  description = "Service level -> period (seconds) and number of periods without a run that breaks it."
  value       = local.freshness_alarms
}

output "noncurrent_days" {
  description = "How long old versions of objects are kept."
  value       = local.noncurrent_days
}

output "defaulted" {
  description = "Variables that have no value here, so that the default of data-product.yaml is used."
  value       = local.defaulted
}

output "unwatched" {
  description = "Freshness objectives that are too long for an alarm."
  value       = local.unwatched
}

output "problems" {
  description = "Why it cannot be provisioned; none, if it can."
  value = concat(
    [for cron in local.no_times : "spec.traits: '${cron}' is no time: minute, hour, day of the month, month, day of the week."],
    [for name in local.missing : "${name} has no default and no value: say it in `variables`, or its secret's ARN in `secrets`."],
    [for name in local.lost : "The port ${name} would write to the disk of a container: make its path one variable, or an s3:// URL."],
    [for name in local.untyped : "The contract's column ${name} has no type that Glue knows: give it a physicalType, such as array<string>."],
    length(local.columns) == 0 ? ["The contract has no columns for ${local.spec.dataset.name}."] : [],
    length(local.environments) > 0 && !contains(keys(local.environments), var.environment)
    ? ["spec.environments has no ${var.environment}, only ${join(", ", keys(local.environments))}."] : [],
    [for name in keys(var.variables) : "${name} is in `variables` and in `secrets`: it can have one value." if contains(var.secrets, name)],
  )
}
