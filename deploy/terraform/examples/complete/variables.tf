variable "region" {
  description = "Region of all that is made, and of the registry."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "host_name" {
  description = "The name that images are pulled from."
  type        = string
  default     = "docker.company.com"
  nullable    = false
}

variable "account_id" {
  description = "Account of the registry."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "repository" {
  description = "A repository that the test host pulls from."
  type        = string
  default     = "app"
  nullable    = false
}

variable "zone_id" {
  description = "Hosted zone of the name."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "VPC for everything."
  type        = string
  nullable    = false
}

variable "vpc_cidr" {
  description = "Network of the VPC, whose hosts may pull."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets, one in each zone."
  type        = list(string)
  nullable    = false
}

variable "route_table_ids" {
  description = "Route tables of the subnets."
  type        = list(string)
  nullable    = false
}

variable "image" {
  description = "The image of ecr-cname."
  type        = string
  nullable    = false
}

variable "secret_arn" {
  description = "Secret with the sidecar's certificate."
  type        = string
  nullable    = false
}

variable "release_url" {
  description = "Where the archive of ecr-cname is."
  type        = string
  nullable    = false
}

variable "release_sha256" {
  description = "SHA-256 of the archive."
  type        = string
  nullable    = false
}
