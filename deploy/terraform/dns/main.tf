resource "aws_route53_record" "name" {
  zone_id = var.zone_id
  name    = var.name
  type    = var.alias == null ? "CNAME" : "A"
  ttl     = var.alias == null ? var.ttl : null
  records = var.alias == null ? [var.registry] : null

  dynamic "alias" {
    for_each = var.alias == null ? [] : [var.alias]

    content {
      name                   = alias.value.dns_name
      zone_id                = alias.value.zone_id
      evaluate_target_health = true
    }
  }
}

# Clients with this zone among their "trustedZones" find the registry by it, without a mapping.
resource "aws_route53_record" "registry" {
  zone_id = var.zone_id
  name    = "_ecr-cname.${var.name}"
  type    = "TXT"
  ttl     = var.ttl
  records = ["registry=${var.registry}"]
}
