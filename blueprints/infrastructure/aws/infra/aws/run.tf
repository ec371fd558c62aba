# The run: a container on Fargate, started by the schedule.
locals {
  log_group = module.spec.log_group
  container = "pipeline"
}

resource "aws_cloudwatch_log_group" "run" {
  name              = local.log_group
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.product.arn
}

resource "aws_ecs_cluster" "product" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "run" {
  #checkov:skip=CKV_AWS_336: a run works in files: the engine spills to disk, and what it makes lies below build/ until it is published
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task.cpu
  memory                   = var.task.memory
  execution_role_arn       = aws_iam_role.product["start"].arn
  task_role_arn            = aws_iam_role.product["run"].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.task.architecture
  }

  ephemeral_storage {
    size_in_gib = var.task.disk
  }

  container_definitions = jsonencode([{
    name        = local.container
    image       = "${aws_ecr_repository.product.repository_url}:${var.image_tag}"
    essential   = true
    command     = module.spec.command
    environment = [for name, value in module.spec.variables : { name = name, value = value }]
    secrets     = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    linuxParameters = {
      initProcessEnabled = true # a run that is stopped is told so
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.run.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "run"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = length(module.spec.problems) == 0
      error_message = join("\n", module.spec.problems)
    }
  }
}

data "aws_subnet" "first" {
  id = var.subnet_ids[0]
}

resource "aws_security_group" "run" {
  #checkov:skip=CKV2_AWS_5: the schedule attaches it to each run, which checkov does not follow
  name        = local.name
  description = "Runs of ${local.name}: nothing comes in"
  vpc_id      = data.aws_subnet.first.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "run" {
  for_each = { for port in var.egress_ports : tostring(port) => port }

  security_group_id = aws_security_group.run.id
  description       = "To sources, ports and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

# A group of its own, because Scheduler counts what it could not start by group.
resource "aws_scheduler_schedule_group" "product" {
  name = local.name
}

resource "aws_scheduler_schedule" "run" {
  #checkov:skip=CKV_AWS_297: it holds no data: the time, and what to start
  for_each = module.spec.schedules

  name                         = "run-${substr(sha256(each.key), 0, 10)}"
  description                  = each.key
  group_name                   = aws_scheduler_schedule_group.product.name
  schedule_expression          = each.value
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_ecs_cluster.product.arn
    role_arn = aws_iam_role.product["schedule"].arn

    ecs_parameters {
      # The newest revision: to deploy an image is to register one.
      task_definition_arn = aws_ecs_task_definition.run.arn_without_revision
      launch_type         = "FARGATE"
      propagate_tags      = "TASK_DEFINITION"

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = [aws_security_group.run.id]
        assign_public_ip = var.assign_public_ip
      }
    }

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }
}
