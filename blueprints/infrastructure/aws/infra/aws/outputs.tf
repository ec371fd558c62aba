output "bucket" {
  description = "The product's bucket."
  value       = aws_s3_bucket.data.bucket
}

output "tables" {
  description = "Output port -> its table, as <account>.<database>.<table>."
  value = merge(
    { for port, table in aws_glue_catalog_table.port : port => "${local.account}.${table.database_name}.${table.name}" },
    { for port in module.spec.iceberg_ports : port => "${local.account}.${module.spec.database}.${var.product.spec.dataset.name}" },
  )
}

output "image_repository" {
  description = "URL of the image's repository."
  value       = aws_ecr_repository.product.repository_url
}

output "ci_role_arns" {
  description = "Roles that CI assumes: `deploy` and `plan`."
  value       = { for role in local.ci_roles : role => aws_iam_role.product[role].arn }
}

output "run" {
  description = "What it takes to run it by hand."
  value = {
    cluster          = aws_ecs_cluster.product.name
    task_definition  = aws_ecs_task_definition.run.family
    subnets          = var.subnet_ids
    security_group   = aws_security_group.run.id
    assign_public_ip = var.assign_public_ip
    log_group        = aws_cloudwatch_log_group.run.name
  }
}
