variable "name" {
  description = "Name of the service, the load balancer and what belongs to them."
  type        = string
  default     = "ecr-cname"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,24}[a-z0-9]$", var.name))
    error_message = "The name must have 2 to 26 lower-case letters, digits and hyphens: load balancers take no more."
  }
}

variable "registries" {
  description = "Names that are served, each with the registry behind it: { \"docker.company.com\" = \"123456789012.dkr.ecr.us-east-1.amazonaws.com\" }."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.registries) > 0
    error_message = "At least one name is needed."
  }
  validation {
    condition     = alltrue([for host in values(var.registries) : can(regex("^[0-9]{12}\\.dkr[.-]ecr(-fips)?\\.[a-z0-9-]+\\.[a-z.]+$", host))])
    error_message = "Each registry must be a host of ECR: 123456789012.dkr.ecr.us-east-1.amazonaws.com."
  }
}

variable "image" {
  description = "The image of ecr-cname (deploy/docker), with a tag or, better, a digest."
  type        = string
  nullable    = false
}

variable "image_repository_arn" {
  description = "ARN of the ECR repository that the image is in, so that ECS may pull it; null for an image that anyone may pull."
  type        = string
  default     = null
}

variable "cpu_architecture" {
  description = "What the image was built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "The architecture must be X86_64 or ARM64."
  }
}

variable "secret_arn" {
  description = "ARN of the secret of Secrets Manager that holds the certificate, as JSON with the keys \"certificate\" (PEM, with its chain) and \"key\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", var.secret_arn))
    error_message = "The secret must be named by its ARN."
  }
}

variable "secret_version" {
  description = "Anything that changes with the secret, such as its version id: tasks read it when they start, and a new value starts new ones."
  type        = string
  default     = ""
  nullable    = false
}

variable "secret_kms_key_arn" {
  description = "ARN of the key that the secret is encrypted with, unless it is the account's own for Secrets Manager."
  type        = string
  default     = null
}

variable "acm_certificate_arn" {
  description = "Certificate of ACM with which the load balancer ends TLS itself; to tasks it then speaks TLS of its own. Null hands TLS through to the tasks, which clients' certificates need."
  type        = string
  default     = null
}

variable "auth" {
  description = "passthrough: clients log in to ECR themselves. inject: the sidecar does, as task_role_arn."
  type        = string
  default     = "passthrough"
  nullable    = false

  validation {
    condition     = contains(["passthrough", "inject"], var.auth)
    error_message = "The login must be passthrough or inject."
  }
}

variable "admit" {
  description = "Who may use inject, by more keys of the secret: \"clients\" (htpasswd with bcrypt), \"clientCa\" (PEM), or both."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.admit, ["clients", "clientCa"])) == 0
    error_message = "Clients are admitted by \"clients\" and \"clientCa\"."
  }
}

variable "task_role_arn" {
  description = "Role of the sidecar itself, for inject and cloudwatch_namespace; see the iam module."
  type        = string
  default     = null
}

variable "cloudwatch_namespace" {
  description = "Namespace of CloudWatch that pulls and pushes are counted in; none by default."
  type        = string
  default     = null
}

variable "arguments" {
  description = "More flags of ecr-cname serve: [\"--read-only\", \"--blobs\", \"stream\"]."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the load balancer and the tasks."
  type        = string
  nullable    = false
}

variable "load_balancer_subnet_ids" {
  description = "Subnets of the load balancer, one in each zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.load_balancer_subnet_ids) > 0
    error_message = "At least one subnet is needed."
  }
}

variable "task_subnet_ids" {
  description = "Subnets of the tasks, with a way to ECR, Secrets Manager and CloudWatch Logs: a NAT gateway, or the endpoints module."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.task_subnet_ids) > 0
    error_message = "At least one subnet is needed."
  }
}

variable "assign_public_ip" {
  description = "Whether tasks get a public address; for subnets whose only way out is an internet gateway."
  type        = bool
  default     = false
  nullable    = false
}

variable "internal" {
  description = "Whether the load balancer is for the VPC and its neighbours alone."
  type        = bool
  default     = true
  nullable    = false
}

variable "client_cidrs" {
  description = "Networks whose hosts may use the sidecar."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Networks in CIDR notation are needed, at least one."
  }
}

variable "cluster_arn" {
  description = "ECS cluster to run in; null makes one."
  type        = string
  default     = null
}

variable "cpu" {
  description = "CPU units of a task."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "Fargate knows 256, 512, 1024, 2048, 4096, 8192 and 16384 CPU units."
  }
}

variable "memory" {
  description = "Memory of a task, in MiB."
  type        = number
  default     = 2048
  nullable    = false

  validation {
    condition     = var.memory >= 512
    error_message = "Fargate gives 512 MiB at least."
  }
}

variable "tasks" {
  description = "How many tasks there are at least and at most; between them, CPU use decides."
  type = object({
    min = number
    max = number
  })
  default  = { min = 2, max = 6 }
  nullable = false

  validation {
    condition     = var.tasks.min >= 1 && var.tasks.max >= var.tasks.min
    error_message = "There must be at least one task, and the most no fewer than the least."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
