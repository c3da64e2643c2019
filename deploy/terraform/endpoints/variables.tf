variable "name" {
  description = "Name of the security group, and the Name tag of the endpoints."
  type        = string
  default     = "ecr-cname"
  nullable    = false
}

variable "vpc_id" {
  description = "VPC that the endpoints are in."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets for the interface endpoints, one in each zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "At least one subnet is needed."
  }
}

variable "route_table_ids" {
  description = "Route tables of the subnets whose hosts pull; layers come from S3 by a gateway that is a route."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.route_table_ids) > 0
    error_message = "Without a route to S3 no layer can be pulled: name at least one route table."
  }
}

variable "client_cidrs" {
  description = "Networks whose hosts may use the endpoints."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Networks in CIDR notation are needed, at least one."
  }
}

variable "private_dns" {
  description = "Whether ECR's own names lead to the endpoints inside the VPC. Without it, name the output \"connect\" in the configuration."
  type        = bool
  default     = true
  nullable    = false
}

variable "more_services" {
  description = "Other services to reach privately: sts for roles of other accounts, logs and secretsmanager for the sidecar on ECS without a NAT gateway, monitoring for --cloudwatch."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.more_services : can(regex("^[a-z0-9.-]+$", service))])
    error_message = "Each must be the name of a service without com.amazonaws.REGION: sts."
  }
}

variable "more_buckets" {
  description = "Buckets besides that of ECR's layers whose objects may be read by way of the gateway, as ARNs. All of S3 goes that way from the route tables named."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.more_buckets : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.*-]+$", arn))])
    error_message = "Each must be the ARN of a bucket: arn:aws:s3:::al2023-repos-us-east-1-de612dc2."
  }
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
