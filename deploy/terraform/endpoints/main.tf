data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  region   = data.aws_region.this.region
  layers   = "arn:${data.aws_partition.this.partition}:s3:::prod-${local.region}-starport-layer-bucket"
  services = setunion(["ecr.api", "ecr.dkr"], var.more_services)
}

resource "aws_security_group" "this" {
  name        = "${var.name}-endpoints"
  description = "HTTPS to the endpoints of ECR"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = toset(var.client_cidrs)

  security_group_id = aws_security_group.this.id
  description       = "HTTPS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.services

  vpc_id              = var.vpc_id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.this.id]
  private_dns_enabled = var.private_dns
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# All of S3 goes this way from the route tables named, so what hosts there need besides layers of
# images (packages of Amazon Linux, say) has to be allowed by more_buckets.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = var.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${local.region}.s3"
  route_table_ids   = var.route_table_ids
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Layers"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["s3:GetObject"]
      Resource  = [for bucket in concat([local.layers], var.more_buckets) : "${bucket}/*"]
    }]
  })
  tags = merge(var.tags, { Name = "${var.name}-s3" })
}
