output "name" {
  description = "The name that images are pulled from."
  value       = var.name
  depends_on  = [aws_route53_record.name, aws_route53_record.registry]
}

output "mapping" {
  description = "The name and its registry, as ECR_CNAME_MAP and --registry take them."
  value       = "${var.name}=${var.registry}"
}
