# What the spec says of AWS itself: under `infrastructure`, or in the trait of the same name of before 0.3.0.
locals {
  properties = merge([
    for part in concat(try([local.spec.infrastructure], []), try([for each in local.spec.traits : each], [])) :
    try({ for key, value in part.properties : key => value }, {}) if startswith(part.uses, "aws@")
  ]...)

  lake_formation = try(local.properties.lakeFormation, false)
  budget = can(local.properties.budget.amount) ? {
    amount   = local.properties.budget.amount
    currency = try(local.properties.budget.currency, "USD")
    email    = try(local.properties.budget.email, local.spec.owner.email)
  } : null
}
