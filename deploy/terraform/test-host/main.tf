data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

resource "aws_instance" "this" {
  ami                         = coalesce(var.ami_id, one(data.aws_ssm_parameter.ami[*].insecure_value))
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [aws_security_group.this.id]
  iam_instance_profile        = var.instance_profile_name
  user_data_replace_on_change = true
  tags                        = merge(var.tags, { Name = var.name })

  user_data = templatefile("${path.module}/user-data.sh.tftpl", {
    host_name     = var.host_name
    repository    = var.repository
    local_sidecar = var.local_sidecar
    url           = var.release_url
    sha256        = var.release_sha256
    config = jsonencode({
      registries = { (var.host_name) = { for key, value in var.mapping : key => value if value != null } }
    })
  })

  # Containers have no way to the instance's role: one hop, and a token for each session.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    encrypted   = true
  }

  lifecycle {
    # A newer image is no reason to replace a host.
    ignore_changes = [ami]
  }
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "HTTPS out, nothing in"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "ECR, S3, packages and the release"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
