# A name, the sidecar behind it, private ways to ECR, and a host that pulls by the name.

data "aws_partition" "this" {}

locals {
  registry     = "${var.account_id}.dkr.ecr.${var.region}.${data.aws_partition.this.dns_suffix}"
  repositories = "arn:${data.aws_partition.this.partition}:ecr:${var.region}:${var.account_id}:repository/*"
}

module "endpoints" {
  source = "../../endpoints"

  vpc_id          = var.vpc_id
  subnet_ids      = var.subnet_ids
  route_table_ids = var.route_table_ids
  client_cidrs    = [var.vpc_cidr]
  more_services   = ["logs", "secretsmanager"]
  # Packages of Amazon Linux, for the test host.
  more_buckets = ["arn:${data.aws_partition.this.partition}:s3:::al2023-repos-${var.region}-*"]
}

module "sidecar" {
  source = "../../sidecar-ecs"

  registries               = { (var.host_name) = local.registry }
  image                    = var.image
  image_repository_arn     = local.repositories
  secret_arn               = var.secret_arn
  vpc_id                   = var.vpc_id
  load_balancer_subnet_ids = var.subnet_ids
  task_subnet_ids          = var.subnet_ids
  client_cidrs             = [var.vpc_cidr]
}

module "dns" {
  source = "../../dns"

  zone_id  = var.zone_id
  name     = var.host_name
  registry = local.registry
  alias    = module.sidecar.alias
}

module "iam" {
  source = "../../iam"

  name = "ecr-cname-test"
  pull = [local.repositories]
}

module "test_host" {
  source = "../../test-host"

  host_name             = module.dns.name
  mapping               = { registry = local.registry }
  repository            = var.repository
  local_sidecar         = false
  release_url           = var.release_url
  release_sha256        = var.release_sha256
  instance_profile_name = module.iam.instance_profile_name
  vpc_id                = var.vpc_id
  subnet_id             = var.subnet_ids[0]
}
