# The product on AWS. What it is stands in data-product.yaml; what an account needs to know besides, in variables.tf.
locals {
  product  = yamldecode(file("${path.module}/../data-product.yaml"))
  contract = yamldecode(file("${path.module}/../${local.product.spec.dataset.contract}"))
  # Where the spec names the region: under `infrastructure`, or in the trait of the same name of before 0.3.0.
  named = concat(
    [for place in [try(local.product.spec.infrastructure, { uses = "" })] : place.properties.region if startswith(place.uses, "aws@")],
    [for trait in try([for each in local.product.spec.traits : each], []) : trait.properties.region if startswith(trait.uses, "aws@")],
  )
  budgeted = can(local.product.spec.infrastructure.properties.budget)
  region   = coalesce(var.region, [for text in local.named : regex("^(?:\\$\\{\\w+:-)?([a-z0-9-]+)\\}?$", text)[0]]...)
}

provider "aws" {
  region = local.region

  default_tags {
    tags = merge(
      {
        domain         = local.product.metadata.domain
        product        = local.product.metadata.name
        environment    = var.environment
        classification = local.product.spec.classification
      },
      # A budget counts by one tag alone.
      local.budgeted ? { data-product = "${local.product.metadata.domain}--${local.product.metadata.name}--${var.environment}" } : {},
    )
  }
}

module "product" {
  source = "./aws"

  product     = local.product
  contract    = local.contract
  environment = var.environment
  region      = local.region

  image_tag            = var.image_tag
  task                 = var.task
  variables            = var.variables
  secrets              = var.secrets
  secrets_kms_key_arns = var.secrets_kms_key_arns
  run_policy_arns      = var.run_policy_arns
  permissions_boundary = var.permissions_boundary

  subnet_ids       = var.subnet_ids
  assign_public_ip = var.assign_public_ip
  egress_ports     = var.egress_ports

  ci = var.ci
}
