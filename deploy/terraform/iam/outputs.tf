output "policy" {
  description = "The policy as JSON, to paste elsewhere."
  value       = local.policy
}

output "policy_arn" {
  description = "ARN of the policy, to attach to roles that are there already."
  value       = aws_iam_policy.this.arn
}

output "role_arn" {
  description = "ARN of the role."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "instance_profile_name" {
  description = "Name of the instance profile; null without ec2.amazonaws.com among trusted_services."
  value       = one(aws_iam_instance_profile.this[*].name)
}
