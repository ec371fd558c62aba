# One data product in one environment. Everything that depends on the spec alone is worked out in spec/.
data "aws_caller_identity" "here" {}

data "aws_partition" "here" {}

module "spec" {
  source = "./spec"

  product       = var.product
  contract      = var.contract
  environment   = var.environment
  account       = data.aws_caller_identity.here.account_id
  region        = var.region
  variables     = var.variables
  secrets       = keys(var.secrets)
  recovery_days = var.recovery_days
}

locals {
  name      = module.spec.name
  account   = data.aws_caller_identity.here.account_id
  partition = data.aws_partition.here.partition
  arn       = { for service in ["ecs", "events", "logs", "scheduler"] : service => "arn:${local.partition}:${service}:${var.region}:${local.account}" }
}

check "values" {
  assert {
    condition     = length(module.spec.defaulted) == 0
    error_message = "No value is given for ${join(", ", module.spec.defaulted)}: the defaults of data-product.yaml are used, which may mean the sample."
  }
}

check "freshness" {
  assert {
    condition     = length(module.spec.unwatched) == 0
    error_message = "No alarm looks back more than seven days, so none watches ${join(", ", module.spec.unwatched)}. A run that fails or cannot start is told all the same."
  }
}
