locals {
  metadata = var.product.metadata
  spec     = var.product.spec

  # A single hyphen may be part of each name, a double one of none: no two products get the same name.
  full_name = "${local.metadata.domain}--${local.metadata.name}--${var.environment}"
  # 63 characters of a bucket, less account and `-log`; roles, rules and schedules may have 64.
  longest = 45
  digest  = substr(sha256(local.full_name), 0, 10)
  name = (
    length(local.full_name) <= local.longest
    ? local.full_name
    : "${trimsuffix(substr(local.full_name, 0, local.longest - 11), "-")}-${local.digest}"
  )
  bucket    = "${local.name}-${var.account}"
  log_group = "/data-products/${local.name}"
  database  = replace(local.full_name, "-", "_") # 255 characters are enough for all
}
