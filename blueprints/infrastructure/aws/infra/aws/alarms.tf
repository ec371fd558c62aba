# What the owner is told by e-mail: a run that failed, one that could not start, one that missed a service level, and data
# that is not as fresh as promised.
resource "aws_sns_topic" "owner" {
  name              = local.name
  kms_master_key_id = aws_kms_key.product.arn
}

resource "aws_sns_topic_subscription" "owner" {
  topic_arn = aws_sns_topic.owner.arn
  protocol  = "email"
  endpoint  = var.product.spec.owner.email
}

resource "aws_sns_topic_policy" "owner" {
  arn    = aws_sns_topic.owner.arn
  policy = data.aws_iam_policy_document.topic.json
}

data "aws_iam_policy_document" "topic" {
  dynamic "statement" {
    for_each = {
      events     = "${local.arn.events}:rule/${local.name}-*"
      cloudwatch = "arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${local.name}-*"
    }
    iterator = service

    content {
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.owner.arn]

      principals {
        type        = "Service"
        identifiers = ["${service.key}.amazonaws.com"]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [service.value]
      }
    }
  }
}

# How a run ended, as ECS tells it. With 5 none was made: trigger@1 waits for its inputs.
locals {
  endings = {
    failed    = { containers = { exitCode = [{ anything-but = [0, 3, 5] }] } }
    missed    = { containers = { exitCode = [3] } } # published, and a service level was missed
    unstarted = { stopCode = ["TaskFailedToStart"] }
    succeeded = { containers = { exitCode = [0, 3] } } # published
  }
  told = {
    failed    = "failed"
    missed    = "published, and missed a service level,"
    unstarted = "could not start"
  }
}

resource "aws_cloudwatch_event_rule" "run" {
  for_each = local.endings

  name        = "${local.name}-${each.key}"
  description = "A run of ${local.name}: ${each.key}"
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail      = merge({ clusterArn = [aws_ecs_cluster.product.arn], lastStatus = ["STOPPED"] }, each.value)
  })
}

resource "aws_cloudwatch_event_target" "owner" {
  for_each = local.told

  rule      = aws_cloudwatch_event_rule.run[each.key].name
  target_id = "owner"
  arn       = aws_sns_topic.owner.arn

  input_transformer {
    input_paths = {
      reason = "$.detail.stoppedReason"
      task   = "$.detail.taskArn"
      time   = "$.time"
    }
    input_template = "\"A run of the data product ${local.name} ${each.value} at <time>: <reason> Its log is in ${local.log_group}; task <task>.\""
  }
}

# ECS has nothing to tell of a task that Scheduler could not even ask for.
resource "aws_cloudwatch_metric_alarm" "unstarted" {
  alarm_name          = "${local.name}-unstarted"
  alarm_description   = "The schedule could not start a run of the data product ${local.name}."
  namespace           = "AWS/Scheduler"
  metric_name         = "InvocationDroppedCount"
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.product.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.owner.arn]
}

# No success within the time that the objective gives: that no data comes of it is just what it is about.
resource "aws_cloudwatch_metric_alarm" "freshness" {
  for_each = module.spec.freshness_alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "The data product ${local.name} has had no successful run within its service level ${each.key}."
  namespace           = "AWS/Events"
  metric_name         = "TriggeredRules"
  dimensions          = { RuleName = aws_cloudwatch_event_rule.run["succeeded"].name }
  statistic           = "Sum"
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.owner.arn]
  ok_actions          = [aws_sns_topic.owner.arn]
}
