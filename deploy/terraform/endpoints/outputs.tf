output "connect" {
  description = "What a mapping's \"connect\" takes: sockets go to this name, while Host, SNI and the certificate stay the registry's."
  value       = aws_vpc_endpoint.interface["ecr.dkr"].dns_entry[0].dns_name
}

output "alias" {
  description = "The endpoint of the registry as the dns module's alias takes it."
  value = {
    dns_name = aws_vpc_endpoint.interface["ecr.dkr"].dns_entry[0].dns_name
    zone_id  = aws_vpc_endpoint.interface["ecr.dkr"].dns_entry[0].hosted_zone_id
  }
}

output "api_endpoint_url" {
  description = "What AWS_ENDPOINT_URL_ECR takes where private_dns is off."
  value       = "https://${aws_vpc_endpoint.interface["ecr.api"].dns_entry[0].dns_name}"
}

output "security_group_id" {
  description = "Security group of the interface endpoints."
  value       = aws_security_group.this.id
}
