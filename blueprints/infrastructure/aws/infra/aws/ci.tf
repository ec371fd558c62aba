# CI's roles, assumed through OpenID Connect: there is no key to keep. `deploy`, from the default branch (or a protected
# environment) alone, pushes the image, registers it to be run, and runs it. `plan`, from any branch, reads what
# `terraform plan` compares. Neither may change a role, a policy, the bucket or its data: what a plan finds there, a
# person applies.
locals {
  ci_roles = var.ci == null ? [] : ["deploy", "plan"]
  issuers  = { github = "https://token.actions.githubusercontent.com", gitlab = "https://gitlab.com" }
  issuer   = var.ci == null ? "" : coalesce(var.ci.issuer, local.issuers[var.ci.forge])
  audience = var.ci == null ? "" : coalesce(var.ci.audience, var.ci.forge == "github" ? "sts.amazonaws.com" : local.issuer)
  claims   = trimprefix(local.issuer, "https://")

  subjects = var.ci == null ? {} : {
    github = {
      deploy = "repo:${var.ci.repository}:${var.ci.environment == null ? "ref:refs/heads/${var.ci.branch}" : "environment:${var.ci.environment}"}"
      plan   = "repo:${var.ci.repository}:pull_request"
    }
    gitlab = {
      deploy = "project_path:${var.ci.repository}:ref_type:branch:ref:${var.ci.branch}"
      plan   = "project_path:${var.ci.repository}:ref_type:branch:ref:*"
    }
  }[var.ci.forge]

  state   = try(var.ci.state, null)
  state_s = local.state == null ? [] : [local.state]
}

# An account knows an issuer once: only the first product makes it.
resource "aws_iam_openid_connect_provider" "ci" {
  count = try(var.ci.create_provider, false) ? 1 : 0

  url            = local.issuer
  client_id_list = [local.audience]
}

data "aws_iam_policy_document" "ci_trust" {
  for_each = toset(local.ci_roles)

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["arn:${local.partition}:iam::${local.account}:oidc-provider/${local.claims}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.claims}:aud"
      values   = [local.audience]
    }

    condition {
      test     = endswith(local.subjects[each.key], "*") ? "StringLike" : "StringEquals"
      variable = "${local.claims}:sub"
      values   = [local.subjects[each.key]]
    }
  }
}

data "aws_iam_policy_document" "ci" {
  #checkov:skip=CKV_AWS_356: AWS has no resource for these: describing networks, logs and task definitions, the token of ECR
  for_each = toset(local.ci_roles)

  statement {
    sid = "ReadAnywhere"
    actions = [
      "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
      "ecs:DescribeTaskDefinition", "kms:ListAliases", "lakeformation:DescribeResource", "lakeformation:ListPermissions",
      "logs:DescribeLogGroups",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "ReadKey"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
    resources = [aws_kms_key.product.arn]
  }

  statement {
    sid = "ReadBuckets"
    actions = [
      "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListTagsForResource",
    ]
    resources = [aws_s3_bucket.data.arn, aws_s3_bucket.log.arn]
  }

  statement {
    sid = "ReadTheRest"
    actions = [
      "budgets:ListTagsForResource", "budgets:ViewBudget",
      "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource",
      "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource",
      "ecs:DescribeClusters", "ecs:ListTagsForResource",
      "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule",
      "glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags",
      "iam:GetOpenIDConnectProvider", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
      "logs:DescribeMetricFilters", "logs:ListTagsForResource",
      "scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource",
      "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource",
    ]
    resources = concat(
      ["arn:${local.partition}:budgets::${local.account}:budget/${local.name}"],
      ["arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${local.name}-*"],
      ["arn:${local.partition}:cloudwatch::${local.account}:dashboard/${local.name}"],
      [aws_ecr_repository.product.arn, aws_ecs_cluster.product.arn, "${local.arn.ecs}:task-definition/${local.name}:*"],
      ["${local.arn.events}:rule/${local.name}-*"],
      [for what in ["catalog", "database/${module.spec.database}", "table/${module.spec.database}/*"] : "arn:${local.partition}:glue:${var.region}:${local.account}:${what}"],
      ["arn:${local.partition}:iam::${local.account}:role/${local.name}-*", "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.claims}"],
      ["${local.arn.logs}:log-group:${local.log_group}", "${local.arn.logs}:log-group:${local.log_group}:*"],
      ["${local.arn.scheduler}:schedule/${local.name}/*", aws_scheduler_schedule_group.product.arn],
      [aws_sns_topic.owner.arn],
    )
  }

  dynamic "statement" {
    for_each = local.state_s
    iterator = state

    content {
      sid       = "FindState"
      actions   = ["s3:ListBucket"]
      resources = ["arn:${local.partition}:s3:::${state.value.bucket}"]
    }
  }

  dynamic "statement" {
    for_each = local.state_s
    iterator = state

    content {
      sid       = "State"
      actions   = each.key == "deploy" ? ["s3:GetObject", "s3:PutObject"] : ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${state.value.bucket}/${state.value.key}"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "deploy" ? local.state_s : []
    iterator = state

    content {
      sid       = "LockState"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      resources = ["arn:${local.partition}:s3:::${state.value.bucket}/${state.value.key}.tflock"]
    }
  }

  dynamic "statement" {
    for_each = [for state in local.state_s : state if state.kms_key_arn != null]
    iterator = state

    content {
      sid       = "KeyOfState"
      actions   = each.key == "deploy" ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
      resources = [state.value.kms_key_arn]
    }
  }

  dynamic "statement" {
    for_each = each.key == "deploy" ? local.deploy : {}
    iterator = allowed

    content {
      sid       = allowed.key
      actions   = allowed.value.actions
      resources = allowed.value.resources

      dynamic "condition" {
        for_each = allowed.value.only

        content {
          test     = "StringEquals"
          variable = condition.key
          values   = [condition.value]
        }
      }
    }
  }
}

locals {
  deploy = {
    LogInToRegistry = { actions = ["ecr:GetAuthorizationToken"], resources = ["*"], only = {} }
    PushImage = {
      actions = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
        "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
      ]
      resources = [aws_ecr_repository.product.arn]
      only      = {}
    }
    RegisterImage = {
      actions   = ["ecs:RegisterTaskDefinition", "ecs:TagResource"]
      resources = ["${local.arn.ecs}:task-definition/${local.name}:*"]
      only      = {}
    }
    # AWS knows no resource for it. It stops nothing that runs, and the newest revision can be registered again.
    RetireImage = { actions = ["ecs:DeregisterTaskDefinition"], resources = ["*"], only = {} }
    RunNow = {
      actions   = ["ecs:RunTask"]
      resources = ["${local.arn.ecs}:task-definition/${local.name}", "${local.arn.ecs}:task-definition/${local.name}:*"]
      only      = { "ecs:cluster" = aws_ecs_cluster.product.arn }
    }
    FollowRun = {
      actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
      resources = ["${local.arn.ecs}:task/${local.name}/*"]
      only      = {}
    }
    ReadLog = {
      actions   = ["logs:GetLogEvents"]
      resources = ["${local.arn.logs}:log-group:${local.log_group}:log-stream:run/*"]
      only      = {}
    }
    GiveRunItsRoles = {
      actions   = ["iam:PassRole"]
      resources = [for role in ["run", "start"] : "arn:${local.partition}:iam::${local.account}:role/${local.name}-${role}"]
      only      = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
    }
  }
}
