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
  description = "Port -> the table that Terraform makes of it: name, location, format and parameters."
  value       = local.tables
}

output "iceberg_ports" {
  description = "Ports whose tables the run itself makes in the Glue database, called as the data set is."
  value       = local.glue_ports
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
  value       = merge(local.state, local.given)
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
  value       = local.problems
}

output "full_name" {
  description = "Domain, name and environment in full: the value of the tag that costs are counted by."
  value       = local.full_name
}

output "log_group" {
  description = "Name of the group that the run logs to."
  value       = local.log_group
}

output "namespace" {
  description = "Namespace of the metrics that a run's log yields."
  value       = local.namespace
}

output "metrics" {
  description = "Metric -> where an event has its value."
  value       = local.metrics
}

output "published" {
  description = "Pattern of the event that has the values of the metrics."
  value       = local.published
}

output "widgets" {
  description = "Widgets of the dashboard, but for the alarms."
  value       = local.widgets
}

output "lake_formation" {
  description = "Whether the tables are read through Lake Formation."
  value       = local.lake_formation
}

output "budget" {
  description = "Amount of a month, its currency, and who is told; null, if there is none."
  value       = local.budget
}
