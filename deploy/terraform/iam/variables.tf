variable "name" {
  description = "Name of the role, of its policy and of its instance profile."
  type        = string
  default     = "ecr-cname"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "The name must have 1 to 64 letters, digits or +=,.@_-."
  }
}

variable "pull" {
  description = "Repositories that may be pulled from, as ARNs; \"arn:aws:ecr:us-east-1:123456789012:repository/*\" is all of a registry."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.pull : can(regex("^arn:aws[a-z-]*:ecr:[^:]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "Each must be the ARN of a repository, which may end in *."
  }
}

variable "push" {
  description = "Repositories that may be pushed to and pulled from, as ARNs."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.push : can(regex("^arn:aws[a-z-]*:ecr:[^:]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "Each must be the ARN of a repository, which may end in *."
  }
}

variable "create" {
  description = "Repositories that the sidecar may create when they are pushed to (\"createRepository\" of its push rules), as ARNs."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.create : can(regex("^arn:aws[a-z-]*:ecr:[^:]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "Each must be the ARN of a repository, which may end in *."
  }
}

variable "list" {
  description = "Repositories whose names and tags may be listed (ecr-cname repos and tags), as ARNs."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.list : can(regex("^arn:aws[a-z-]*:ecr:[^:]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "Each must be the ARN of a repository, which may end in *."
  }
}

variable "cloudwatch_namespace" {
  description = "Namespace that the sidecar's counts may be sent to (--cloudwatch); none by default."
  type        = string
  default     = null

  validation {
    condition     = var.cloudwatch_namespace == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._/#: -]{0,254}$", var.cloudwatch_namespace))
    error_message = "The namespace must be one that CloudWatch takes for metrics of one's own."
  }
}

variable "assume" {
  description = "Roles in other accounts that may be assumed (\"roleArn\" of a mapping), as ARNs."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.assume : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "Each must be the ARN of a role."
  }
}

variable "trusted_services" {
  description = "AWS services whose hosts and tasks get the role: ec2.amazonaws.com, ecs-tasks.amazonaws.com. With the first there is an instance profile, too."
  type        = list(string)
  default     = ["ec2.amazonaws.com"]
  nullable    = false
}

variable "trusted_principals" {
  description = "Roles and accounts that may assume the role from outside, as ARNs; for the registry's side of two accounts."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.trusted_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|role/.+|user/.+)$", arn))])
    error_message = "Each must be the ARN of a role, a user or an account's root; * would let anyone in."
  }
}

variable "external_id" {
  description = "What trusted_principals have to name (\"externalId\" of a mapping)."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
