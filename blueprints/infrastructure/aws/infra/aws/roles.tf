# Who does what: `run` is the pipeline, `start` pulls its image and hands it its secrets, `schedule` starts it, and `lake` is
# what Lake Formation reads with, if it does.
locals {
  # Without the key and the version that ECS takes from a secret.
  secret_arns = distinct([for arn in values(var.secrets) : join(":", slice(split(":", arn), 0, min(7, length(split(":", arn)))))])
  secret_reads = {
    "secretsmanager:GetSecretValue" = [for arn in local.secret_arns : arn if split(":", arn)[2] == "secretsmanager"]
    "ssm:GetParameters"             = [for arn in local.secret_arns : arn if split(":", arn)[2] == "ssm"]
    "kms:Decrypt"                   = var.secrets_kms_key_arns
  }
  trusts = merge(
    { for role in ["run", "start"] : role => data.aws_iam_policy_document.service["ecs-tasks"].json },
    { schedule = data.aws_iam_policy_document.service["scheduler"].json },
    { for role in local.ci_roles : role => data.aws_iam_policy_document.ci_trust[role].json },
    { for role in ["lake"] : role => data.aws_iam_policy_document.lake_trust.json if module.spec.lake_formation },
  )
  policies = merge(
    { run = data.aws_iam_policy_document.run.json },
    { start = data.aws_iam_policy_document.start.json },
    { schedule = data.aws_iam_policy_document.schedule.json },
    { for role in local.ci_roles : role => data.aws_iam_policy_document.ci[role].json },
    { for role in ["lake"] : role => data.aws_iam_policy_document.lake.json if module.spec.lake_formation },
  )
}

resource "aws_iam_role" "product" {
  for_each = local.trusts

  name                 = "${local.name}-${each.key}"
  assume_role_policy   = each.value
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "product" {
  for_each = aws_iam_role.product

  name   = each.key
  role   = each.value.id
  policy = local.policies[each.key]
}

resource "aws_iam_role_policy_attachment" "run" {
  for_each = toset(var.run_policy_arns)

  role       = aws_iam_role.product["run"].name
  policy_arn = each.key
}

data "aws_iam_policy_document" "service" {
  for_each = {
    ecs-tasks = "${local.arn.ecs}:*"
    scheduler = aws_scheduler_schedule_group.product.arn
  }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [each.value]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "run" {
  statement {
    sid       = "FindObjects"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.data.arn]
  }

  statement {
    sid       = "PublishObjects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${aws_s3_bucket.data.arn}/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.product.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(module.spec.iceberg_ports) > 0 ? ["glue"] : []

    content {
      sid     = "CommitTable"
      actions = ["glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
      resources = [
        for what in ["catalog", "database/${module.spec.database}", "table/${module.spec.database}/${var.product.spec.dataset.name}"] :
        "arn:${local.partition}:glue:${var.region}:${local.account}:${what}"
      ]
    }
  }
}

data "aws_iam_policy_document" "start" {
  #checkov:skip=CKV_AWS_356: the token of ECR belongs to no repository
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.product.arn]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.run.arn}:log-stream:run/*"]
  }

  dynamic "statement" {
    for_each = { for action, resources in local.secret_reads : action => resources if length(resources) > 0 }

    content {
      actions   = [statement.key]
      resources = statement.value
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "StartRun"
    actions   = ["ecs:RunTask"]
    resources = [aws_ecs_task_definition.run.arn_without_revision, "${aws_ecs_task_definition.run.arn_without_revision}:*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.product.arn]
    }
  }

  statement {
    sid       = "TagRun"
    actions   = ["ecs:TagResource"]
    resources = ["${local.arn.ecs}:task/${aws_ecs_cluster.product.name}/*"]
  }

  statement {
    sid       = "GiveRunItsRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.product["run"].arn, aws_iam_role.product["start"].arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}
