output "bucket" {
  description = "The product's bucket."
  value       = module.product.bucket
}

output "tables" {
  description = "Output port -> its table in the Glue Data Catalog, as <account>.<database>.<table>."
  value       = module.product.tables
}

output "image_repository" {
  description = "Where CI pushes the image."
  value       = module.product.image_repository
}

output "ci_role_arns" {
  description = "Roles that CI assumes: `deploy` on the default branch, `plan` on pull requests."
  value       = module.product.ci_role_arns
}

output "run" {
  description = "What a run by hand needs: cluster, task definition, subnets and security group."
  value       = module.product.run
}
