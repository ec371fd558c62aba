# What a run did, and what became of it: metrics from its log, and one page with them and the alarms.
resource "aws_cloudwatch_log_metric_filter" "run" {
  for_each = module.spec.metrics

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.run.name
  pattern        = module.spec.published

  metric_transformation {
    namespace = module.spec.namespace
    name      = each.key
    value     = each.value
  }
}

resource "aws_cloudwatch_dashboard" "product" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 3
        properties = {
          title  = "Alarms"
          alarms = concat([aws_cloudwatch_metric_alarm.unstarted.arn], [for alarm in aws_cloudwatch_metric_alarm.freshness : alarm.arn])
        }
      }],
      module.spec.widgets,
    )
  })
}
