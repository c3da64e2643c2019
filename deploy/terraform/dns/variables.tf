variable "zone_id" {
  description = "Hosted zone that the name is in; for one that resolves inside a VPC alone, a private zone."
  type        = string
  nullable    = false
}

variable "name" {
  description = "The name that images are pulled from: docker.company.com."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.name))
    error_message = "The name must be a whole host name in lower case, without scheme, port or final dot."
  }
}

variable "registry" {
  description = "The ECR registry behind the name: 123456789012.dkr.ecr.us-east-1.amazonaws.com."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr[.-]ecr(-fips)?\\.[a-z0-9-]+\\.[a-z.]+$", var.registry))
    error_message = "The registry must be a host of ECR: 123456789012.dkr.ecr.us-east-1.amazonaws.com."
  }
}

variable "alias" {
  description = "Where the name leads instead of straight to the registry: the load balancer of the sidecar, or an interface endpoint. ECR's own names cannot be the target of an alias, so without this the record is a CNAME."
  type = object({
    dns_name = string
    zone_id  = string
  })
  default = null
}

variable "ttl" {
  description = "How long resolvers may keep the CNAME and the TXT record, in seconds."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.ttl >= 1 && var.ttl <= 86400
    error_message = "The TTL must be from 1 to 86400 seconds."
  }
}
