variable "host_name" {
  description = "The name that the host pulls from: docker.company.com."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.host_name))
    error_message = "The name must be a whole host name in lower case, without scheme, port or final dot."
  }
}

variable "mapping" {
  description = "What \"registries\" of the configuration says for the name: { registry = \"123456789012.dkr.ecr.us-east-1.amazonaws.com\" }, with roleArn, connect and the like where they are needed."
  type = object({
    registry        = string
    roleArn         = optional(string)
    externalId      = optional(string)
    connect         = optional(string)
    roleSessionName = optional(string)
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr[.-]ecr(-fips)?\\.[a-z0-9-]+\\.[a-z.]+$", var.mapping.registry))
    error_message = "The registry must be a host of ECR: 123456789012.dkr.ecr.us-east-1.amazonaws.com."
  }
}

variable "repository" {
  description = "What the host pulls when it starts: \"app\", \"team/app:1.0\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$", var.repository))
    error_message = "The repository must be a name in the registry, with a tag or without."
  }
}

variable "local_sidecar" {
  description = "Whether the host serves the name to its own Docker; false where the name leads to a sidecar whose certificate the host trusts."
  type        = bool
  default     = true
  nullable    = false
}

variable "release_url" {
  description = "Where the archive of ecr-cname for Linux is, such as a presigned URL: https://…/ecr-cname-0.1.0-linux-x64.tar.gz."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[^ '\\\\]+$", var.release_url))
    error_message = "The archive must be fetched by https."
  }
}

variable "release_sha256" {
  description = "SHA-256 of the archive, as in SHA256SUMS beside it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release_sha256))
    error_message = "The sum must be 64 hexadecimal digits."
  }
}

variable "instance_profile_name" {
  description = "Instance profile whose role may pull; see the iam module."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Type of the instance; of the architecture of release_url and of ami_id."
  type        = string
  default     = "t3.small"
  nullable    = false
}

variable "ami_id" {
  description = "Image of the host; null takes the newest Amazon Linux 2023 for x86_64."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "VPC of the host."
  type        = string
  nullable    = false
}

variable "subnet_id" {
  description = "Subnet of the host, with a way to ECR and to release_url."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the host and its security group."
  type        = string
  default     = "ecr-cname-test"
  nullable    = false
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
