data "aws_region" "this" {}

locals {
  port  = 8443
  admin = 9100
  # User and group of the image.
  user = "65532:65532"

  # Fargate hands secrets over as variables alone, and the sidecar reads files.
  files = concat(["certificate", "key"], sort(tolist(var.admit)))
  logs = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = "/ecs/${var.name}"
      awslogs-region        = data.aws_region.this.region
      awslogs-stream-prefix = "ecr-cname"
    }
  }
  command = concat(
    ["serve", "--listen", "0.0.0.0:${local.port}", "--admin", "0.0.0.0:${local.admin}"],
    ["--tls-cert", "/tls/certificate", "--tls-key", "/tls/key", "--auth", var.auth],
    flatten([for name, registry in var.registries : ["--registry", "${name}=${registry}"]]),
    contains(var.admit, "clients") ? ["--clients", "/tls/clients"] : [],
    contains(var.admit, "clientCa") ? ["--client-ca", "/tls/clientCa"] : [],
    [for flag in ["--cloudwatch", var.cloudwatch_namespace] : flag if var.cloudwatch_namespace != null],
    var.arguments,
  )
  # The load balancer checks no certificate of its targets, so the tasks' own may be any.
  protocol = var.acm_certificate_arn == null ? "TCP" : "TLS"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "this" {
  count = var.cluster_arn == null ? 1 : 0

  name = var.name
  tags = var.tags
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = var.task_role_arn
  tags                     = var.tags

  runtime_platform {
    cpu_architecture        = var.cpu_architecture
    operating_system_family = "LINUX"
  }

  volume {
    name = "tls"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([
    {
      name       = "files"
      image      = var.image
      essential  = false
      user       = "0"
      entryPoint = ["sh", "-euc"]
      command = [join("\n", [
        "umask 077",
        "for name in ${join(" ", local.files)}; do printenv \"$name\" >\"/tls/$name\"; done",
        "chown -R ${local.user} /tls /tmp",
      ])]
      secrets     = [for name in local.files : { name = name, valueFrom = "${var.secret_arn}:${name}::" }]
      environment = [{ name = "SECRET_VERSION", value = var.secret_version }]
      mountPoints = [
        { sourceVolume = "tls", containerPath = "/tls", readOnly = false },
        { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
      ]
      logConfiguration = local.logs
    },
    {
      name                   = "sidecar"
      image                  = var.image
      essential              = true
      dependsOn              = [{ containerName = "files", condition = "SUCCESS" }]
      user                   = local.user
      readonlyRootFilesystem = true
      command                = local.command
      environment            = [{ name = "REGION", value = data.aws_region.this.region }]
      portMappings = [
        { containerPort = local.port, protocol = "tcp" },
        { containerPort = local.admin, protocol = "tcp" },
      ]
      mountPoints = [
        { sourceVolume = "tls", containerPath = "/tls", readOnly = true },
        { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
      ]
      linuxParameters = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
      healthCheck     = { command = ["CMD", "healthcheck"], interval = 10, timeout = 5, retries = 3, startPeriod = 10 }
      # What is in flight has 30 seconds to finish.
      stopTimeout      = 45
      logConfiguration = local.logs
    },
  ])

  lifecycle {
    precondition {
      condition     = var.auth == "passthrough" || length(var.admit) > 0
      error_message = "With auth = \"inject\" whoever reaches the sidecar pulls and pushes in its name: say by admit who may."
    }
    precondition {
      condition     = var.auth == "inject" || length(var.admit) == 0
      error_message = "With auth = \"passthrough\" ECR says who may, so admit is for \"inject\" alone."
    }
    precondition {
      condition     = var.acm_certificate_arn == null || !contains(var.admit, "clientCa")
      error_message = "Clients' certificates don't come through a load balancer that ends TLS: leave out acm_certificate_arn, or clientCa."
    }
    precondition {
      condition     = var.task_role_arn != null || (var.auth == "passthrough" && var.cloudwatch_namespace == null)
      error_message = "The sidecar needs a task_role_arn to log in or to count."
    }
  }
}

resource "aws_ecs_service" "this" {
  name                               = var.name
  cluster                            = coalesce(var.cluster_arn, one(aws_ecs_cluster.this[*].arn))
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.tasks.min
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  propagate_tags                     = "SERVICE"
  tags                               = var.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.task_subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = var.assign_public_ip
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "sidecar"
    container_port   = local.port
  }

  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.this, aws_iam_role_policy.execution]
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  resource_id        = "service/${reverse(split("/", aws_ecs_service.this.cluster))[0]}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.tasks.min
  max_capacity       = var.tasks.max
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "this" {
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  resource_id        = aws_appautoscaling_target.this.resource_id
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
