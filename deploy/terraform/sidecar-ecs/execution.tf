# What ECS itself does for a task: pull its image, read its secret, write its log.
resource "aws_iam_role" "execution" {
  name = "${var.name}-execution"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
  tags = var.tags
}

locals {
  pull = {
    token = { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] }
    image = {
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = compact([var.image_repository_arn])
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  name = var.name
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
        },
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [var.secret_arn] },
      ],
      [for key in compact([var.secret_kms_key_arn]) : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = [key] }],
      [for grant in values(local.pull) : grant if var.image_repository_arn != null],
    )
  })
}
