# Costs of a month, told by e-mail when they are about to exceed the budget, and when they have. What belongs to the product
# is known by the tag `data-product`, which the payer of the bill has to activate as a cost allocation tag once.
resource "aws_budgets_budget" "product" {
  count = module.spec.budget == null ? 0 : 1

  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(module.spec.budget.amount)
  limit_unit   = module.spec.budget.currency

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:data-product$%s", module.spec.full_name)]
  }

  dynamic "notification" {
    for_each = { FORECASTED = 100, ACTUAL = 80 }

    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = notification.key
      subscriber_email_addresses = [module.spec.budget.email]
    }
  }

  dynamic "notification" {
    for_each = [100]

    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = "ACTUAL"
      subscriber_email_addresses = [module.spec.budget.email]
    }
  }
}
