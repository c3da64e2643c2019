output "pull" {
  description = "What to type on a host with the mapping."
  value       = "docker pull ${module.dns.name}/${var.repository}"
}

output "mapping" {
  description = "The mapping, as ECR_CNAME_MAP takes it."
  value       = module.dns.mapping
}

output "test_host" {
  description = "The instance that pulls."
  value       = module.test_host.instance_id
}
