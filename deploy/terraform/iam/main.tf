locals {
  read = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
  ]
  write = [
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
  ]
  grants = [
    # A token is the registry's, so this action knows no narrower resource.
    {
      Sid      = "Token"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
    {
      Sid      = "Pull"
      Effect   = "Allow"
      Action   = local.read
      Resource = var.pull
    },
    {
      Sid      = "Push"
      Effect   = "Allow"
      Action   = concat(local.read, local.write)
      Resource = var.push
    },
    {
      Sid      = "Create"
      Effect   = "Allow"
      Action   = ["ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:TagResource"]
      Resource = var.create
    },
    {
      Sid      = "List"
      Effect   = "Allow"
      Action   = ["ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages"]
      Resource = var.list
    },
    {
      Sid      = "Assume"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole"]
      Resource = var.assume
    },
  ]
  # It knows no resource at all; the condition is what narrows it.
  count = {
    Sid       = "Count"
    Effect    = "Allow"
    Action    = ["cloudwatch:PutMetricData"]
    Resource  = ["*"]
    Condition = { StringEquals = { "cloudwatch:namespace" = var.cloudwatch_namespace } }
  }

  trust_services = {
    Effect    = "Allow"
    Action    = "sts:AssumeRole"
    Principal = { Service = var.trusted_services }
  }
  trust_principals = {
    Effect    = "Allow"
    Action    = "sts:AssumeRole"
    Principal = { AWS = var.trusted_principals }
    Condition = { StringEquals = { for id in compact([var.external_id]) : "sts:ExternalId" => id } }
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for grant in local.grants : grant if length(grant.Resource) > 0],
      [for grant in [local.count] : grant if var.cloudwatch_namespace != null],
    )
  })
  is_for_ec2 = contains(var.trusted_services, "ec2.amazonaws.com")
}

resource "aws_iam_policy" "this" {
  name        = var.name
  description = "What ecr-cname needs of AWS, and no more."
  policy      = local.policy
  tags        = var.tags
}

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for trust in [local.trust_services] : trust if length(var.trusted_services) > 0],
      [for trust in [local.trust_principals] : trust if length(var.trusted_principals) > 0],
    )
  })
  tags = var.tags

  lifecycle {
    precondition {
      condition     = length(var.trusted_services) + length(var.trusted_principals) > 0
      error_message = "Nobody could take the role: name trusted_services or trusted_principals."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.this.arn
}

resource "aws_iam_instance_profile" "this" {
  count = local.is_for_ec2 ? 1 : 0

  name = var.name
  role = aws_iam_role.this.name
  tags = var.tags
}
